// How well parameters of exported models are told, by exporter: node dist/scripts/measure-corpus.js FOLDER
// FOLDER is what scripts/corpus/make.py made: SOURCE/MODEL/FORM-WEIGHTS/{model.onnx,truth.json}.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeModel } from '../src/onnx/proto.js';
import type { CorpusRow } from '../test/corpus/corpus.js';
import { judge } from '../test/corpus/judged.js';
import { FITTED, UNDECIDABLE } from '../test/corpus/undecidable.js';

const [folder] = process.argv.slice(2);
if (!folder) throw new Error('Usage: node dist/scripts/measure-corpus.js FOLDER');

interface Counts {
  files: number;
  refused: number;
  uses: number;
  parameters: number;
  missed: number;
  trained: number;
  ties: number;
}
const forms = new Map<string, { all: Counts; decidable: Counts }>();
const none = (): Counts => ({
  files: 0,
  refused: 0,
  uses: 0,
  parameters: 0,
  missed: 0,
  trained: 0,
  ties: 0,
});

function count(counts: Counts, row: CorpusRow): void {
  counts.files++;
  let judged: ReturnType<typeof judge>;
  try {
    judged = judge(row);
  } catch {
    counts.refused++;
    return;
  }
  counts.uses += judged.uses;
  counts.parameters += row.tensors
    .filter(({ graph }) => !graph)
    .flatMap(({ uses }) => uses)
    .filter(({ role, graph }) => role === 'parameter' && !graph).length;
  for (const { what } of judged.mistakes) {
    if (what.endsWith('for parameter')) counts.missed++;
    else if (what.startsWith('parameter for')) counts.trained++;
    else if (what === 'tied' || what === 'untied') counts.ties++;
  }
}

for (const source of readdirSync(folder).sort()) {
  if (!existsSync(join(folder, source)) || source.includes('.')) continue;
  for (const model of safeList(join(folder, source))) {
    for (const form of safeList(join(folder, source, model))) {
      const at = join(folder, source, model, form);
      if (!existsSync(join(at, 'truth.json'))) continue;
      const truth = JSON.parse(readFileSync(join(at, 'truth.json'), 'utf8'));
      const row: CorpusRow = {
        ...truth,
        load: () => decodeModel(readFileSync(join(at, 'model.onnx')), at),
      };
      const entry = forms.get(row.form) ?? { all: none(), decidable: none() };
      forms.set(row.form, entry);
      count(entry.all, row);
      if (!(`${source}/${model}` in UNDECIDABLE) && !FITTED.has(source)) count(entry.decidable, row);
    }
  }
}

function safeList(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

const percent = (part: number, whole: number) =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`;
const cells = ({ parameters, missed, trained, ties }: Counts) =>
  `${percent(parameters - missed, parameters)} | ${percent(parameters - missed, parameters - missed + trained)} | ${ties}`;
console.log(
  '| form | files | uses | recall | precision | ties wrong | recall, decidable | precision | ties |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
for (const [form, { all, decidable }] of [...forms].sort())
  console.log(`| ${form} | ${all.files} | ${all.uses} | ${cells(all)} | ${cells(decidable)} |`);
