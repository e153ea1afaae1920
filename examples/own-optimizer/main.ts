// Trains the embedded digits with an optimizer that flatmin does not have.
import { crossEntropy, DataLoader, loadDigits, mlp, TrainingSession } from 'flatmin';
import {
  assign,
  type BaseOptimizer,
  Perturbed,
  type PerturbedOptions,
  type Problem,
  program,
  SGD,
  scalar,
  vector,
} from 'flatmin/optim';

const [w, g, p] = [vector('w'), vector('g'), vector('p')];
const climb = program(assign(p, w.plus(scalar('rho').times(g.sign))));

/** SAM in the ball of the largest coordinate (Foret et al. 2021, Eq. 2, p = ∞): the base's step from the gradient at p = w + ρ sign(g). */
class SignSAM extends Perturbed {
  constructor(base: BaseOptimizer, options: PerturbedOptions) {
    super(base, options);
  }

  protected async perturbedGradient(problem: Problem) {
    const { space } = problem;
    const point = this.vectors.get(space, 'point');
    const radius = this.radius(problem);
    const loss = await problem.gradient('update');
    await space.copyFrozen(point);
    const vectors = { w: space.parameters, g: space.gradient, p: point };
    await space.run(climb, vectors, (stretch) => ({ rho: radius(stretch) }));
    await problem.gradient('keep', point);
    return loss;
  }

  describe() {
    return { optimizer: 'sign-sam', rho: this.rho, every: this.every, base: this.base.describe() };
  }
}

const dataset = await loadDigits();
const loader = new DataLoader({ dataset, split: 'train' }, { batch: 64 });
const test = new DataLoader({ dataset, split: 'test' }, { batch: 360 });
const model = mlp({ inputShape: dataset.shape, hidden: [32] });
const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: 64 });
const optimizer = new SignSAM(new SGD({ lr: 0.1, momentum: 0.9 }), { rho: 0.002 });

for (let epoch = 0; epoch < 10; epoch++) for await (const _ of session.train(loader, optimizer));
const { accuracy } = await session.evaluate(test);
console.log(`${JSON.stringify(optimizer.describe())}\ntest accuracy: ${(100 * accuracy!).toFixed(1)} %`);
session.dispose();
