import type { GraphBuilder } from './builder.js';

/** A value of the graph, or a number that stands for a scalar constant. */
export type Operand = string | number;

/** Elementwise expressions over a graph's values, each appended as one node. Truth values are 'bool' tensors. */
export class Arithmetic {
  /** @param type element type of the numbers */
  constructor(
    private readonly builder: GraphBuilder,
    private readonly type: number,
  ) {}

  add = (a: Operand, b: Operand): string => this.apply('Add', a, b);
  sub = (a: Operand, b: Operand): string => this.apply('Sub', a, b);
  mul = (a: Operand, b: Operand): string => this.apply('Mul', a, b);
  div = (a: Operand, b: Operand): string => this.apply('Div', a, b);
  neg = (a: string): string => this.apply('Neg', a);
  abs = (a: string): string => this.apply('Abs', a);
  sign = (a: string): string => this.apply('Sign', a);
  exp = (a: string): string => this.apply('Exp', a);
  sqrt = (a: string): string => this.apply('Sqrt', a);
  sin = (a: string): string => this.apply('Sin', a);
  cos = (a: string): string => this.apply('Cos', a);
  tanh = (a: string): string => this.apply('Tanh', a);
  sigmoid = (a: string): string => this.apply('Sigmoid', a);
  erf = (a: string): string => this.apply('Erf', a);
  square = (a: string): string => this.apply('Mul', a, a);
  equal = (a: Operand, b: Operand): string => this.apply('Equal', a, b);
  greater = (a: Operand, b: Operand): string => this.apply('Greater', a, b);
  less = (a: Operand, b: Operand): string => this.apply('Less', a, b);
  atLeast = (a: Operand, b: Operand): string => this.apply('GreaterOrEqual', a, b);
  atMost = (a: Operand, b: Operand): string => this.apply('LessOrEqual', a, b);
  and = (a: string, b: string): string => this.apply('And', a, b);
  /** yes where the condition holds, else no */
  where = (condition: string, yes: Operand, no: Operand): string => this.apply('Where', condition, yes, no);
  /** 1 where the condition holds, else 0 */
  indicator = (condition: string): string => this.builder.op('Cast', [condition], { to: this.type });

  private apply(opType: string, ...operands: Operand[]): string {
    return this.builder.op(
      opType,
      operands.map((operand) =>
        typeof operand === 'number' ? this.builder.scalar(operand, this.type) : operand,
      ),
    );
  }
}
