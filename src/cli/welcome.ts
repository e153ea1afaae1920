/**
 * Where to begin, at most 80 columns wide.
 * @param flatmin what a user types for it
 */
export function welcome(flatmin: string): string {
  return `Trains ONNX models and finds flat minima. Where to begin:

  ${flatmin} demo
      trains a small network on handwritten digits in three ways, compares them
  ${flatmin} init my-project
      writes a TypeScript project that trains on data of yours
  ${flatmin} inspect model.onnx
      tells what of a model would be trained, and what keeps it from that
  ${flatmin} train --model wrn-16-1 --data digits --epochs 10 --out runs/first
      trains; --model takes your own .onnx file, too

All commands: ${flatmin} --help`;
}
