// Trains the embedded digits with a loss that flatmin does not have.
import { DataLoader, loadDigits, mlp, SGD, TrainingSession } from 'flatmin';
import { graphLoss } from 'flatmin/losses';

/**
 * The focal loss, mean of −(1 − p)^γ log p with p the softmax at the label (Lin et al. 2017, Eq. 4): samples that are learnt count less.
 * Its operators need nothing but gradient rules: `flatmin inspect` and docs/operators.md say which have one.
 */
const focalLoss = (gamma: number) =>
  graphLoss((builder, { logits }, target) => {
    const [samples, classes] = logits!.dims;
    // A batch holds the labels under this name. What is said of them lets wrong ones be found, and accuracy be told.
    const about = { classes: classes as number, axis: 1, scores: logits!.name };
    const labels = target('labels', 'int64', [samples!], about);
    const all = builder.op('LogSoftmax', [logits!.name], { axis: 1 });
    const column = builder.op('Unsqueeze', [labels, builder.ints([1])]);
    const logP = builder.op('GatherElements', [all, column], { axis: 1 });
    const rest = builder.op('Sub', [builder.scalar(1), builder.op('Exp', [logP])]);
    const weight = builder.op('Pow', [rest, builder.scalar(gamma)]);
    const each = builder.op('Mul', [weight, builder.op('Neg', [logP])]);
    return builder.op('ReduceMean', [each], { keepdims: 0 });
  }, `focal (γ ${gamma})`);

const dataset = await loadDigits();
const loader = new DataLoader({ dataset, split: 'train' }, { batch: 64 });
const test = new DataLoader({ dataset, split: 'test' }, { batch: 360 });
const model = mlp({ inputShape: dataset.shape, hidden: [32] });
const session = await TrainingSession.create(model, { loss: focalLoss(2), batch: 64 });
const optimizer = new SGD({ lr: 0.1, momentum: 0.9 });

const before = await session.evaluate(test);
for (let epoch = 0; epoch < 10; epoch++) for await (const _ of session.train(loader, optimizer));
const after = await session.evaluate(test);
console.log(`focal loss: ${before.loss.toFixed(3)} → ${after.loss.toFixed(3)}`);
console.log(`test accuracy: ${(100 * after.accuracy!).toFixed(1)} %`);
session.dispose();
