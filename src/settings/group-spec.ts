import { FlatminError, invalid } from '../errors.js';
import type { ParameterGroup } from '../vectors/parameter-space.js';
import type { GroupSettings } from './schema.js';

const FORM = "'REGEX:lr=…,weightDecay=…,rho=…,frozen'";

/**
 * Parses 'REGEX:lr=0.01,weightDecay=0,rho=0.1,frozen' (any of the options; the last colon ends the expression).
 * @throws FlatminError INVALID_ARGUMENT
 */
export function parseGroup(spec: string): GroupSettings {
  const colon = spec.lastIndexOf(':');
  if (colon < 1 || colon === spec.length - 1) throw invalid('group', FORM, spec);
  const group: GroupSettings = { parameters: spec.slice(0, colon) };
  compile(group.parameters);
  for (const item of spec.slice(colon + 1).split(',')) {
    const [name, value] = item.split('=', 2);
    if (name === 'frozen' && value === undefined) group.frozen = true;
    else if ((name === 'lr' || name === 'weightDecay' || name === 'rho') && value && Number(value) >= 0)
      group[name] = Number(value);
    else throw invalid('group', FORM, spec);
  }
  return group;
}

/**
 * The groups as the session takes them.
 * @throws FlatminError INVALID_ARGUMENT for an expression that is none, or that no parameter matches
 */
export function parameterGroups(
  groups: readonly GroupSettings[],
  parameters: readonly string[],
): (ParameterGroup & { parameters: RegExp })[] {
  return groups.map(({ parameters: source, ...options }) => {
    const expression = compile(source);
    if (!parameters.some((name) => expression.test(name))) {
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `The group "${source}" matches no parameter; there are ${parameters.slice(0, 4).join(', ')}${parameters.length > 4 ? ', …' : ''}.`,
      );
    }
    return { parameters: expression, ...options };
  });
}

function compile(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The group "${source}" is no regular expression: ${(cause as Error).message}.`,
      { cause },
    );
  }
}
