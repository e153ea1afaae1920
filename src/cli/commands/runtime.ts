import Table from 'cli-table3';
import type { Command } from 'commander';
import { changed, option } from '../../options/option.js';
import { flag, text } from '../../options/values.js';
import { type InstallResult, installRuntime } from '../../provision/install.js';
import { type ListedRuntime, listRuntimes } from '../../provision/list.js';
import { addOptions, given } from '../command-options.js';
import { interruptible } from '../interruption.js';
import { jsonFlag } from '../output-options.js';
import { mebibytes, shortProviders } from '../runtime-texts.js';
import { printResult, say } from '../streams.js';

const INSTALL = {
  Build: {
    gpu: option(flag, { help: 'the build with CUDA (165 MB to fetch), for Linux x64 and Windows' }),
    from: option(text, {
      symbol: 'path',
      help: 'take this jar, folder or libonnxruntime instead of fetching it with Maven',
    }),
  },
  Result: { json: changed(jsonFlag, { help: 'print what is installed as one JSON line' }) },
};
const LIST = { Result: { json: changed(jsonFlag, { help: 'print the list as one JSON line' }) } };

export function addRuntime(program: Command): void {
  const runtime = program
    .command('runtime')
    .description('Install and list the ONNX Runtime libraries that graphs run on.');
  const install = runtime
    .command('install')
    .summary('Install the training build of ONNX Runtime.')
    .description(
      'Install the training build of ONNX Runtime into the user\'s cache folder (or FLATMIN_CACHE), through Maven\'s client "mvn" or from a file. It becomes the default; --runtime stock chooses the other.',
    );
  addOptions(install, INSTALL);
  install.action(() => runInstall(install));
  const list = runtime
    .command('list')
    .description('The runtimes at hand, and which one is taken when none is named.');
  addOptions(list, LIST);
  list.action(() => {
    const runtimes = listRuntimes();
    printResult({ runtimes }, given(list, LIST).json, () => listTable(runtimes));
  });
}

async function runInstall(command: Command): Promise<void> {
  const { gpu, from, json } = given(command, INSTALL);
  const result = await interruptible((signal) => installRuntime({ gpu, from, signal, onProgress: say }));
  printResult(result, json, installText);
}

function installText({ runtime, isNew }: InstallResult): string {
  const { version, classifier, providers, path } = runtime;
  return [
    `${isNew ? 'Installed' : 'Already installed'}: ONNX Runtime ${version} with training, ${classifier} (${shortProviders(providers)})`,
    `  ${path}`,
    classifier.endsWith('-gpu')
      ? 'It is the default with --device cuda.'
      : 'It is the default; --runtime stock takes the one of onnxruntime-node.',
  ].join('\n');
}

function listTable(runtimes: readonly ListedRuntime[]): string {
  const head = ['name', 'version', 'execution providers', 'size', 'default on'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { name, version, providers, bytes, defaultOn, path, problem } of runtimes) {
    table.push(
      [name, version ?? '–', shortProviders(providers) || '–', mebibytes(bytes), defaultOn.join(', ') || '–'],
      [{ content: [path, problem].filter(Boolean).join('\n'), colSpan: head.length }],
    );
  }
  return table.toString();
}
