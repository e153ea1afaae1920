import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { blocksOf } from '../../scripts/site/blocks.js';
import type { TrainSummary } from '../../src/formats/run/summary.js';
import { REPOSITORY } from './packed.js';
import { project, runBlock } from './page-project.js';

/** A figure that the model has in plain onnxruntime-node, beside the one of flatmin, and how good it must be. */
interface Guide {
  readonly run: string;
  readonly shown: RegExp;
  /** The same of the run's summary, and how far rounding in print may take the two apart. */
  expected(summary: TrainSummary): number;
  readonly off: number;
  readonly isGood: (figure: number) => boolean;
}

const percent = (share: number | null | undefined) => 100 * share!;
const guides: Record<string, Guide> = {
  images: {
    run: 'digits',
    shown: /onnxruntime-node: accuracy ([\d.]+) %/,
    expected: ({ accuracy }) => percent(accuracy),
    off: 0.006,
    isGood: (figure) => figure > 90,
  },
  table: {
    run: 'rent',
    shown: /onnxruntime-node: mean squared error of all rows ([\d.]+)/,
    expected: ({ trainLoss, testLoss }) => 0.8 * trainLoss + 0.2 * testLoss!,
    off: 5e-6,
    isGood: (figure) => figure < 0.01,
  },
  text: {
    run: 'reviews',
    shown: /onnxruntime-node: accuracy ([\d.]+) %/,
    expected: ({ accuracy }) => percent(accuracy),
    off: 0.006,
    isGood: (figure) => figure > 80,
  },
  'language-model': {
    run: 'story',
    shown: /onnxruntime-node: perplexity ([\d.]+)/,
    expected: ({ testLoss }) => Math.exp(testLoss!),
    off: 2e-3,
    isGood: (figure) => figure >= 1.95 && figure < 2.3,
  },
  segmentation: {
    run: 'shapes',
    shown: /onnxruntime-node: mean IoU ([\d.]+) %/,
    expected: ({ metrics }) => percent(metrics?.['mean-iou']),
    off: 0.006,
    isGood: (figure) => figure > 70,
  },
};

const FIGURE = /-?\d[\d.]*(e-?\d+)?/g;
/** A line without its figures, and without the space that they take in a table. */
const withoutFigures = (line: string) => line.replace(FIGURE, '#').replace(/[\s─]+/g, ' ');

/** How far a measured figure of the page may be off: processors round otherwise, and some steps later that is to be seen. */
const TOLERANCE = 0.1;

/** Whether a line is what the page shows: whole numbers are the same, others near. */
function isAsShown(shown: string, printed: string): boolean {
  const figures = printed.match(FIGURE) ?? [];
  return (
    withoutFigures(shown) === withoutFigures(printed) &&
    (shown.match(FIGURE) ?? []).every((figure, at) => {
      if (!figure.includes('.')) return figure === figures[at];
      const expected = Number(figure);
      return Math.abs(Number(figures[at]) - expected) <= TOLERANCE * Math.abs(expected);
    })
  );
}

for (const [name, { run, shown, expected, off, isGood }] of Object.entries(guides))
  test.serial(`the guide ${name}: its output is what it says, and onnxruntime-node agrees`, async (t) => {
    t.timeout(600_000);
    const folder = project(t);
    let printed = '';
    for (const block of blocksOf(readFileSync(join(REPOSITORY, `docs/guides/${name}.md`), 'utf8'))) {
      if (/^(sh|js)$/.test(block.language)) printed = await runBlock(block, folder);
      if (block.language !== 'text') continue;
      const lines = printed.split(/\r?\n|\r/);
      for (const line of block.code.trim().split('\n'))
        t.true(
          line === '…' || lines.some((each) => isAsShown(line, each)),
          `line ${block.line}: ${line}\n${printed}`,
        );
    }
    const figure = Number(shown.exec(printed)?.[1]);
    const summary: TrainSummary = JSON.parse(readFileSync(join(folder, 'runs', run, 'summary.json'), 'utf8'));
    t.true(Math.abs(figure - expected(summary)) < off, `${figure} is not ${expected(summary)}`);
    t.true(isGood(figure), String(figure));
  });
