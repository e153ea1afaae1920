import { readFileSync } from 'node:fs';
import { packageFile } from '../../../package-file.js';
import type { CompiledProgram, Instruction } from '../../program/compile.js';

/** Of native/cuda/kernels/common.cu: threads of a block, and elements of a tile, which a block works on at a time. */
export const BLOCK_THREADS = 256;
export const TILE_ELEMENTS = 4096;
/**
 * Blocks of a launch for each multiprocessor: 1,280 threads, which GPUs from Ampere on hold at once while each has at most 51 registers
 * (programs take up to 48), so that all blocks end together; their loads of 16 bytes keep the memory busy.
 */
export const BLOCKS_PER_MULTIPROCESSOR = 5;

const texts = new Map<string, string>();

/** Files of the folder, one behind the other. */
function text(...names: readonly string[]): string {
  const key = names.join();
  const joined =
    texts.get(key) ??
    names.map((name) => readFileSync(packageFile(`native/cuda/kernels/${name}`), 'utf8')).join('\n');
  texts.set(key, joined);
  return joined;
}

/** Kernels `finish`, `store_number` and `store_element`. */
export const numbersSource = (): string => text('common.cu', 'numbers.cu');

/** Kernel `fill_normal`. */
export const normalsSource = (): string => text('common.cu', 'normals.cu');

/**
 * CUDA C++ of a program: kernel `vector_program`, one pass over its vectors, 16 bytes at a time where they are aligned. Numbers that
 * cells hold are computed in float64 by every block before it begins.
 * @param scalars the most numbers, of all rows, that it can be launched with
 */
export function programSource(program: CompiledProgram, scalars: number): string {
  const { vectors, sizes } = program;
  const sums = indices(sizes.accumulators);
  const { reads, writes } = accessed(program);
  const touched = indices(vectors.length).filter((slot) => reads.has(slot) || writes.has(slot));
  const parameters = touched.map((slot) => `${writes.has(slot) ? '' : 'const '}float* __restrict__ v${slot}`);
  const call = (lane: string) =>
    `element(s${[
      ...[...reads].map((slot) => `, x${slot}${lane}`),
      ...[...writes.keys()].map((slot) => `, y${slot}${lane}`),
      ...sums.map((sum) => `, sum${sum}`),
    ].join('')});`;
  const pass = (type: string, at: string, lanes: readonly string[]) =>
    [
      ...[...reads].map(
        (slot) => `const ${type} x${slot} = reinterpret_cast<const ${type}*>(v${slot})[${at}];`,
      ),
      ...[...writes.keys()].map((slot) => `${type} y${slot};`),
      ...lanes.map(call),
      ...[...writes.keys()].map((slot) => `reinterpret_cast<${type}*>(v${slot})[${at}] = y${slot};`),
    ].join('\n        ');
  const addresses = touched.map((slot) => `reinterpret_cast<u64>(v${slot})`).join(' | ') || '0';

  return `${text('common.cu')}
${elementFunction(program)}

extern "C" __global__ void __launch_bounds__(${BLOCK_THREADS})
vector_program(const Range* ranges, u32 range_count, u32 numbers, u32 tiles, const double* cells, double* partials${parameters.map((each) => `, ${each}`).join('')}) {
  __shared__ float scalars[${Math.max(1, scalars)}];
  __shared__ u32 runs;
  // The last number is the one that must be finite.
  for (u32 k = threadIdx.x; k < numbers; k += block_threads) {
    const double value = evaluate(reinterpret_cast<const double*>(ranges + range_count), k, numbers, cells);
    if (k + 1 < numbers) scalars[k] = static_cast<float>(value);
    else runs = is_finite(value);
  }
  __syncthreads();
  ${sums.map((sum) => `double sum${sum} = runs ? 0.0 : 0.0 / 0.0;`).join('\n  ')}
  const bool aligned = ((${addresses}) & 15u) == 0;
  for (u32 index = blockIdx.x; runs && index < tiles; index += gridDim.x) {
    const Tile tile = tile_at(ranges, range_count, index);
    [[maybe_unused]] const float* s = scalars + tile.row * ${sizes.scalars};
    u32 done = 0;
    if (aligned && tile.first % 4 == 0) {
      const u32 fours = tile.count / 4;
      for (u32 k = threadIdx.x; k < fours; k += block_threads) {
        const u64 at = tile.first / 4 + k;
        ${pass('float4', 'at', ['.x', '.y', '.z', '.w'])}
      }
      done = 4 * fours;
    }
    for (u32 k = done + threadIdx.x; k < tile.count; k += block_threads) {
        const u64 at = tile.first + k;
        ${pass('float', 'at', [''])}
    }
  }
  ${sums.map((sum) => `leave_sum(sum${sum}, partials, ${sum}, ${sizes.accumulators});`).join('\n  ')}
}
`;
}

/** The vectors that a program loads, and the register that each stored one has in the end. */
function accessed({ instructions }: CompiledProgram): { reads: Set<number>; writes: Map<number, number> } {
  const reads = new Set<number>();
  const writes = new Map<number, number>();
  for (const { op, dst, a } of instructions) {
    if (op === 'Load') reads.add(a);
    else if (op === 'Store') writes.set(dst, a);
  }
  return { reads, writes };
}

/** What happens to one element: the statements in their order, in registers. */
function elementFunction(program: CompiledProgram): string {
  const { reads, writes } = accessed(program);
  const parameters = [
    '[[maybe_unused]] const float* s',
    ...[...reads].map((slot) => `float x${slot}`),
    ...[...writes.keys()].map((slot) => `float& y${slot}`),
    ...indices(program.sizes.accumulators).map((sum) => `double& sum${sum}`),
  ];
  const lines = program.instructions.filter(({ op }) => op !== 'Store').map(line);
  for (const [slot, register] of writes) lines.push(`y${slot} = r${register};`);
  return `__device__ inline void element(${parameters.join(', ')}) {\n  ${lines.join('\n  ')}\n}`;
}

function line(instruction: Instruction): string {
  const { op, dst, a } = instruction;
  if (op === 'Sum') return `sum${dst} += static_cast<double>(r${a});`;
  if (op === 'SumSquares') return `sum${dst} = add_square(sum${dst}, r${a});`;
  return `const float r${dst} = ${value(instruction)};`;
}

/** As native/vectors/block.cc computes it: NaN operands give NaN. */
function value({ op, a, b }: Instruction): string {
  const [x, y, s] = [`r${a}`, `r${b}`, `s[${b}]`];
  switch (op) {
    case 'Load':
      return `x${a}`;
    case 'Add':
      return `${x} + ${y}`;
    case 'Sub':
      return `${x} - ${y}`;
    case 'Mul':
      return `${x} * ${y}`;
    case 'Div':
      return `${x} / ${y}`;
    case 'Max':
      return `${x} > ${y} || ${x} != ${x} ? ${x} : ${y}`;
    case 'AddScalar':
      return `${x} + ${s}`;
    case 'SubScalar':
      return `${x} - ${s}`;
    case 'ScalarSub':
      return `${s} - ${x}`;
    case 'MulScalar':
      return `${x} * ${s}`;
    case 'MulScalarOrZero':
      return `${s} == 0.0f ? ${s} : ${x} * ${s}`;
    case 'DivScalar':
      return `${x} / ${s}`;
    case 'ScalarDiv':
      return `${s} / ${x}`;
    case 'MaxScalar':
      return `${x} > ${s} || ${x} != ${x} ? ${x} : ${s}`;
    case 'Abs':
      return `fabsf(${x})`;
    case 'Sqrt':
      return `sqrtf(${x})`;
    case 'Square':
      return `${x} * ${x}`;
    case 'Sign':
      return `${x} > 0.0f ? 1.0f : ${x} < 0.0f ? -1.0f : ${x}`;
    case 'FillScalar':
      return `s[${a}]`;
    case 'Store':
    case 'Sum':
    case 'SumSquares':
      throw new TypeError(`${op} has no value.`);
  }
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
