import { readFileSync } from 'node:fs';
import test from 'ava';
import { PublicApi, reportFile } from '../../scripts/public-api.js';

const api = new PublicApi();

test('every type that a public name leads to can be imported', (t) => {
  t.deepEqual(
    api.unexported(),
    [],
    'export these from a room of src/exports, or mark what leads there @internal',
  );
});

test('every public name, and every member of a public type, says what it is', (t) => {
  t.deepEqual(api.undocumented(), [], 'write a comment at the declaration');
});

for (const room of api.rooms) {
  test(`what ${room.specifier} exports is what its report says`, (t) => {
    const recorded = readFileSync(reportFile(room), 'utf8');
    t.is(api.report(room), recorded, 'if the change is meant: npm run api, and check in docs/api');
  });
}
