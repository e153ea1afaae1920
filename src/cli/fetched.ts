import cliProgress from 'cli-progress';
import { fetchHubData } from '../data/hub/fetch.js';
import { printable } from '../formats/printable.js';
import { isHubName } from '../hub/name.js';
import type { DownloadProgress, HubOptions } from '../hub/options.js';
import { hubModel } from '../models/hub-model.js';
import { interruptible } from './interruption.js';
import { say } from './streams.js';

/** Shows downloads, one bar a file. On a stream that is no terminal nothing is shown. */
export interface DownloadBar {
  onProgress(progress: DownloadProgress): void;
  /** To be called always: a timer redraws until then. */
  stop(): void;
}

/** @param stream where it is shown */
export function downloadBar(stream: NodeJS.WriteStream = process.stderr): DownloadBar {
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: '{file} {bar} {percentage} % of {size} MB, {eta_formatted} left',
      clearOnComplete: true,
      etaBuffer: 100,
    },
    cliProgress.Presets.shades_classic,
  );
  let shown: string | undefined;
  let isWhole = true;
  return {
    onProgress({ file, receivedBytes, totalBytes }) {
      // Of files that come at a time one is shown until it is here.
      if (file !== shown && !isWhole) return;
      isWhole = receivedBytes === totalBytes;
      if (file !== shown) {
        bar.stop();
        const size = (totalBytes / 1e6).toPrecision(3);
        bar.start(totalBytes, receivedBytes, { file: printable(file), size });
        shown = file;
      }
      bar.update(receivedBytes);
    },
    stop: () => bar.stop(),
  };
}

/**
 * What a command line names as a model: one of the hub by its commit and file, once they are in the cache, any other as it is named.
 * Ctrl-C stops the download.
 */
export const fetchedModel = (name: string, isQuiet = false): Promise<string> =>
  fetched(name, isQuiet, hubModel);

/** As `fetchedModel`, of data. */
export const fetchedData = async (name: string | undefined, isQuiet = false): Promise<{ data?: string }> =>
  name === undefined ? {} : { data: await fetched(name, isQuiet, fetchHubData) };

async function fetched(
  name: string,
  isQuiet: boolean,
  fetch: (name: string, options: HubOptions) => Promise<{ readonly name: string }>,
): Promise<string> {
  if (!isHubName(name)) return name;
  const bar = downloadBar();
  try {
    return await interruptible(async (signal) => {
      const onProgress = isQuiet ? undefined : bar.onProgress;
      return (await fetch(name, { signal, onProgress, onNote: say })).name;
    });
  } finally {
    bar.stop();
  }
}

/** What a command line names to be measured: a model, by its file or of the hub, or else the folder of a run. */
export async function fetchedSubject(
  name: string,
  isQuiet?: boolean,
): Promise<{ model: string } | { run: string }> {
  const subject = await fetchedModel(name, isQuiet);
  return isHubName(name) || subject.endsWith('.onnx') ? { model: subject } : { run: subject };
}
