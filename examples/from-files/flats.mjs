// Writes flats.csv, rents of made-up flats, and rent.onnx, a perceptron for it that is not trained yet.
// node examples/from-files/flats.mjs
import { writeFileSync } from 'node:fs';
import { mlp, writeModel } from 'flatmin';
import { random } from './random.mjs';

const next = random(0);
const rows = Array.from({ length: 1000 }, () => {
  const [area, rooms] = [20 + 120 * next(), 1 + Math.floor(4 * next())];
  const [year, distance] = [1900 + Math.floor(125 * next()), 15 * next()];
  // What is known of the flat explains all of the rent but a deviation of about 40.
  const noise = 140 * (next() - 0.5);
  const rent = 150 + (14 - 0.6 * distance) * area + 40 * rooms + 0.03 * (year - 1950) ** 2 + noise;
  return [area.toFixed(1), rooms, year, distance.toFixed(2), (rent / 1000).toFixed(4)].join();
});
writeFileSync('flats.csv', `area,rooms,year,distance,rent\n${rows.join('\n')}\n`);
await writeModel(mlp({ inputShape: [4], hidden: [32, 32], classes: 1, seed: 0 }), 'rent.onnx');
console.log(`${rows.length} rows in flats.csv, a model for them in rent.onnx`);
