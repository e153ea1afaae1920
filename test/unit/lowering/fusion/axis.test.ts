import test from 'ava';
import { Axis, freshLayout, leavesOf, stridesOf, unify } from '../../../../src/lowering/fusion/axis.js';
import type { KnownValues } from '../../../../src/lowering/fusion/forms/form.js';
import { layoutsOf } from '../../../../src/lowering/fusion/layouts.js';
import type { Member } from '../../../../src/lowering/fusion/member.js';

const sizes = (layout: readonly Axis[]) => leavesOf(layout).map(({ size }) => size);

test('shapes of the same elements become the same axes, split where one of them is', (t) => {
  const [flat, heads] = [freshLayout([1576, 384]), freshLayout([8, 197, 6, 64])];
  t.true(unify(flat, heads));
  t.deepEqual(sizes(flat), [8, 197, 6, 64]);
  t.deepEqual(leavesOf(flat), leavesOf(heads));
});

test('an axis that is split later is split everywhere', (t) => {
  const [a, b, c] = [freshLayout([24]), freshLayout([24]), freshLayout([4, 6])];
  t.true(unify(a, b));
  t.true(unify(b, c));
  t.deepEqual(sizes(a), [4, 6]);
});

test('axes that cut across each other have nothing in common', (t) => {
  t.false(unify(freshLayout([4, 6]), freshLayout([3, 8])));
  t.false(unify(freshLayout([4]), freshLayout([4, 2])));
});

test('axes of extent 1 do not count', (t) => {
  const [a, b] = [freshLayout([1, 5, 1]), freshLayout([5])];
  t.true(unify(a, b));
  t.deepEqual(sizes(a), [5]);
});

test('an axis on both sides is split consistently', (t) => {
  const [x, y] = [new Axis(6), new Axis(6)];
  t.true(unify([x, y], [new Axis(2), new Axis(3), x]));
  t.deepEqual(sizes([x]), [2, 3]);
  t.deepEqual(leavesOf([x]), leavesOf([y]));
});

test('strides are those of a value that is contiguous', (t) => {
  const layout = freshLayout([2, 3, 4]);
  const strides = stridesOf(layout);
  t.deepEqual(
    layout.map((axis) => strides.get(axis)),
    [12, 4, 1],
  );
});

test('an operand of more axes than its result, as of types that contradict each other, has no layout', (t) => {
  const type = (dims: number[]) => ({ type: 1, dims });
  const types = new Map([
    ['a', type([3, 2])],
    ['b', type([2])],
    ['y', type([2])],
  ]);
  const node = { opType: 'Add', input: ['a', 'b'], output: ['y'], attribute: [] };
  const form = { kind: 'map', operands: ['a', 'b'] };
  const member = { node, form } as unknown as Member;
  const known = { types, constants: new Map() } as unknown as KnownValues;
  t.is(layoutsOf([member], known), undefined);
});
