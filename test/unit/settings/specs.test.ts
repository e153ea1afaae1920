import test from 'ava';
import { parseAugmentation } from '../../../src/data/augment/augmentation.js';
import { parameterGroups, parseGroup } from '../../../src/settings/group-spec.js';

test('an augmentation is parsed from its list', (t) => {
  t.is(parseAugmentation('none'), undefined);
  t.deepEqual(parseAugmentation('flip,crop=4:reflect,cutout=16'), {
    flip: true,
    crop: { padding: 4, mode: 'reflect' },
    cutout: { size: 16 },
  });
  for (const spec of ['', 'flip,', 'crop=4', 'crop=4:mirror', 'cutout=-1', 'rotate', 'none,flip']) {
    t.throws(() => parseAugmentation(spec), { code: 'INVALID_ARGUMENT', message: /augment/ }, spec);
  }
});

test('a group is parsed from its expression and options', (t) => {
  t.deepEqual(parseGroup('\\.bias$:lr=0.01,weightDecay=0'), {
    parameters: '\\.bias$',
    lr: 0.01,
    weightDecay: 0,
  });
  t.deepEqual(parseGroup('(?:stem|a:b):frozen'), { parameters: '(?:stem|a:b)', frozen: true });
  for (const spec of [
    '',
    'a',
    ':lr=1',
    'a:',
    'a:lr',
    'a:lr=x',
    'a:lr=-1',
    'a:speed=1',
    'a:frozen=1',
    '(:frozen',
  ]) {
    t.throws(() => parseGroup(spec), { code: 'INVALID_ARGUMENT' }, spec);
  }
});

test('groups become expressions, and one without parameters is refused', (t) => {
  const [group] = parameterGroups([{ parameters: '^stem', rho: 0.1 }], ['stem.weight', 'head.weight']);
  t.is(group!.rho, 0.1);
  t.true((group!.parameters as RegExp).test('stem.weight'));
  t.throws(() => parameterGroups([{ parameters: 'tail' }], ['stem.weight', 'head.weight']), {
    message: /"tail" matches no parameter; there are stem\.weight, head\.weight\./,
  });
});
