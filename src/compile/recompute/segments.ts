import { readBy } from '../../onnx/subgraphs.js';
import type { ForwardPart } from './forward-part.js';

/** The last forward node of each segment, by its place. */
export type Segments = readonly number[];

/**
 * Cuts the way to the loss into segments that each make at least so many bytes of what the backward part reads, at the narrowest place
 * between a half and all of them: where the least is handed on. (Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory
 * cost", 2016, algorithm 3, for graphs in place of chains.)
 */
export function cutSegments(part: ForwardPart, bytes: number): Segments {
  const widths = cutWidths(part);
  const ends: number[] = [];
  let made = 0;
  let narrowest: number | undefined;
  part.nodes.forEach(({ node, place }) => {
    for (const name of node.output) if (part.wanted.has(name)) made += part.bytesOf(name);
    if (made < bytes / 2) return;
    if (narrowest === undefined || widths[place]! <= widths[narrowest]!) narrowest = place;
    if (made < bytes) return;
    ends.push(narrowest);
    made = madeBetween(part, narrowest, place);
    narrowest = undefined;
  });
  const last = part.nodes.length - 1;
  return ends.at(-1) === last ? ends : [...ends, last];
}

function madeBetween(part: ForwardPart, from: number, to: number): number {
  const names = part.nodes.slice(from + 1, to + 1).flatMap(({ node }) => node.output);
  return names.filter((name) => part.wanted.has(name)).reduce((sum, name) => sum + part.bytesOf(name), 0);
}

/** Bytes that are handed over behind each forward node. */
function cutWidths(part: ForwardPart): number[] {
  const change = new Array<number>(part.nodes.length + 1).fill(0);
  for (const { node, place } of part.nodes)
    for (const name of node.output) {
      const last = part.lastRead.get(name) ?? place;
      if (name === '' || part.rootOf(name) !== name || last <= place) continue;
      change[place]! += part.bytesOf(name);
      change[last]! -= part.bytesOf(name);
    }
  let width = 0;
  return part.nodes.map(({ place }) => (width += change[place]!));
}

/** The segment of each forward node. */
export function segmentOf(segments: Segments): (place: number) => number {
  return (place) => segments.findIndex((end) => place <= end);
}

/** Values, by what has their memory, that segments hand on to later ones. */
export function handedOn(part: ForwardPart, segments: Segments): Set<string> {
  const segment = segmentOf(segments);
  const handed = new Set<string>();
  for (const { node, place } of part.nodes)
    for (const name of readBy(node)) {
      const maker = part.makers.get(name);
      if (maker && segment(maker.place) !== segment(place)) handed.add(part.rootOf(name));
    }
  return handed;
}
