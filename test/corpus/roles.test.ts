import test from 'ava';
import { FlatminError } from '../../src/errors.js';
import { corpusSources, readCorpus } from './corpus.js';
import { type Judged, judge } from './judged.js';
import { FITTED, UNDECIDABLE } from './undecidable.js';

/** Files in which one name is defined twice, which ONNX Runtime refuses as well. */
const INVALID = /defines "\w+" a second time|its nodes have no order/;

for (const source of corpusSources().filter((each) => !FITTED.has(each))) {
  test(`${source}: learned tensors are parameters, each its own, and nothing else is`, (t) => {
    const wrong: string[] = [];
    let uses = 0;
    for (const row of readCorpus(source)) {
      const name = `${source}/${row.model}`;
      let judged: Judged;
      try {
        judged = judge(row);
      } catch (error) {
        if (error instanceof FlatminError && INVALID.test(error.message)) continue;
        throw error;
      }
      uses += judged.uses;
      if (name in UNDECIDABLE) continue;
      for (const { what, tensor, of } of judged.mistakes)
        wrong.push(`${name}/${row.form}-${row.weights}: ${tensor} is ${what} (${of.join(', ')})`);
    }
    t.deepEqual(wrong, []);
    t.true(uses > 50, `${uses}`);
  });
}
