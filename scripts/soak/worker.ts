import { measure } from './measure.js';
import { faulty, subjects } from './subjects.js';

// node --expose-gc worker.js SUBJECT ROUNDS TIMES: sends the parent what is held.
const [name, rounds, times] = process.argv.slice(2);
const subject = [...subjects, faulty].find((each) => each.name === name)!;
const found = await measure(subject, Number(rounds), Number(times));
process.send!(found, () => process.exit());
