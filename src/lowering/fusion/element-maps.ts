import type { Graph, Node } from '../../onnx/proto.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { Values } from '../products/values.js';
import { type KnownValues, type MapForm, scalarConstant } from './forms/form.js';
import { formOf } from './forms/forms.js';
import type { ProgramWriter } from './program.js';

/** A node that computes each element of its result from the same element of its operands, and from constants of one element. */
export interface ElementMap {
  readonly node: Node;
  readonly operands: readonly string[];
  readonly emit: MapForm['emit'];
}

/** The elementwise nodes of a graph. */
export class ElementMaps {
  readonly values: Values;
  private readonly known: KnownValues;
  private readonly maps = new Map<Node, ElementMap | undefined>();

  constructor(graph: Graph, types: ValueTypes) {
    this.values = new Values(graph, types);
    this.known = {
      types,
      constants: new Map(graph.initializer.map((tensor) => [tensor.name ?? '', tensor])),
    };
  }

  /** The number in a constant of one element. */
  constant(name: string): number | undefined {
    return scalarConstant(this.known, name);
  }

  hasDimsOf(name: string, other: string): boolean {
    const [dims, others] = [this.values.dims(name), this.values.dims(other)];
    return dims !== undefined && others !== undefined && dims.join() === others.join();
  }

  /** How a value is made, if by a map. */
  mapOf(name: string): ElementMap | undefined {
    const node = this.values.producer(name);
    if (!node) return undefined;
    if (!this.maps.has(node)) this.maps.set(node, this.mapFrom(node));
    return this.maps.get(node);
  }

  private mapFrom(node: Node): ElementMap | undefined {
    const isRead = (name: string) => this.values.readers(name).length > 0 || this.values.isOutput(name);
    const form = formOf(node, this.known, isRead);
    if (form?.kind !== 'map') return undefined;
    const { operands, emit } = form;
    const isElementwise = operands.every(
      (name) => this.constant(name) !== undefined || this.hasDimsOf(name, node.output[0]!),
    );
    return isElementwise ? { node, operands, emit: emit.bind(form) } : undefined;
  }

  /** The maps of one value alone and of what they make of it, in the order in which they run. */
  madeOf(value: string): Set<Node> {
    const found = new Set<Node>();
    const isMade = (name: string) =>
      name === value || this.constant(name) !== undefined || found.has(this.values.producer(name)!);
    const open = [value];
    for (const name of open) {
      for (const node of this.values.readers(name)) {
        const output = node.output[0]!;
        const map = found.has(node) ? undefined : this.mapOf(output);
        if (!map?.operands.every(isMade) || !this.hasDimsOf(output, value)) continue;
        found.add(node);
        open.push(output);
      }
    }
    return found;
  }

  /** Writes what makes a value of those whose registers are given. */
  emit(program: ProgramWriter, name: string, registers: Map<string, number>): number {
    const constant = this.constant(name);
    if (constant !== undefined) return program.constant(constant);
    const known = registers.get(name);
    if (known !== undefined) return known;
    const { operands, emit } = this.mapOf(name)!;
    const register = emit(
      program,
      operands.map((operand) => this.emit(program, operand, registers)),
    );
    registers.set(name, register);
    return register;
  }
}
