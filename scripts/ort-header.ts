/** A function of the table `OrtApi`; types without parameter names, annotations and typedefs that are the same to a caller. */
interface Entry {
  readonly name: string;
  readonly result: string;
  readonly parameters: readonly string[];
}

/** Parameters, commas inside parentheses left alone. */
function split(list: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const character of list) {
    depth += Number(character === '(') - Number(character === ')');
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '' && part !== 'void');
}

/** A parameter's type as a caller's machine sees it: enumerations are int, and the one handle that flatmin does not name is void. */
function typeOf(parameter: string, enumerations: ReadonlySet<string>): string {
  const type = parameter
    .replace(/\b_[A-Z][a-z]\w*_(\([^()]*\))?/g, '') // annotations: _In_, _In_reads_(n)
    .replace(/\(\s*(ORT_API_CALL\s*)?\*\s*\w*\s*\)/, '(*)')
    .replace(/\b(struct|enum)\s+/g, '')
    .replace(/\bORTCHAR_T\b/g, 'OrtPathChar')
    .replace(/\bOrtCUDAProviderOptionsV2\b/g, 'void')
    .replace(/\b\w+\b/g, (word) => (enumerations.has(word) ? 'int' : word))
    .replace(/\s*([*(),])\s*/g, '$1')
    .trim();
  // What follows a type and a space, or its asterisks, is the parameter's name.
  const name = /(?<=[*]|[\w*] )(?!const\b|char\b|int\b|size_t\b|void\b|Ort[A-Z])\w+(\[\])?$/.exec(type);
  return (name ? type.slice(0, name.index) + (name[1] ? '*' : '') : type).trim();
}

const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');

/** The table of onnxruntime_c_api.h, in its order. @param header its text, and that of the headers that it includes */
export function officialTable(header: string): Entry[] {
  const text = withoutComments(header);
  const body = /\bstruct OrtApi \{([\s\S]*?)\n\};/.exec(text)?.[1];
  if (body === undefined) throw new TypeError('The header has no struct OrtApi.');
  const enumerations = new Set([...text.matchAll(/\benum (\w+) ?\{/g)].map(([, name]) => name!));
  const entry = (result: string, name: string, parameters: readonly string[]): Entry => ({
    name,
    result: typeOf(result, enumerations),
    parameters: parameters.map((each) => typeOf(each, enumerations)),
  });
  return body
    .replace(/^\s*#.*$/gm, '')
    .split(';')
    .map((statement) => statement.replace(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '')
    .map((statement) => {
      const released = /^ORT_CLASS_RELEASE\((\w+)\)/.exec(statement);
      if (released) return entry('void', `Release${released[1]}`, [`Ort${released[1]}* input`]);
      const macro = /^ORT_API(2_STATUS|_T)\((.*)\)$/.exec(statement);
      if (macro) {
        const [first, ...rest] = split(macro[2]!);
        return macro[1] === '_T' ? entry(first!, rest[0]!, rest.slice(1)) : entry('OrtStatus*', first!, rest);
      }
      const plain = /^(.*?)\(\s*ORT_API_CALL\s*\*\s*(\w+)\s*\)\s*\((.*)\)[^()]*$/.exec(statement);
      if (!plain) throw new TypeError(`The header's OrtApi has a member of unknown form: ${statement}`);
      return entry(plain[1]!, plain[2]!, split(plain[3]!));
    });
}

/** FLATMIN_ORT_FUNCTIONS of native/ort/ort_api.h. */
export function declaredFunctions(source: string): (Entry & { slot: number })[] {
  const rows = source
    .replace(/\\\n/g, ' ')
    .matchAll(/X\((\d+), ([^,]+), (\w+),\s*\(((?:[^()]|\([^()]*\))*)\)\)/g);
  return [...rows].map(([, slot, result, name, parameters]) => ({
    slot: Number(slot),
    name: name!,
    result: typeOf(result!, new Set()),
    parameters: split(parameters!).map((each) => typeOf(each, new Set())),
  }));
}

const signature = ({ result, parameters }: Entry): string => `${result}(${parameters.join(', ')})`;

/** What native/ort/ort_api.h says otherwise than the official header does, a line each. */
export function differences(source: string, header: string): string[] {
  const table = officialTable(header);
  return declaredFunctions(source).flatMap((declared) => {
    const slot = table.findIndex(({ name }) => name === declared.name);
    if (slot < 0) return [`${declared.name} is no function of the header`];
    const found = [];
    if (slot !== declared.slot) found.push(`${declared.name} is in slot ${slot}, not ${declared.slot}`);
    const [ours, theirs] = [signature(declared), signature(table[slot]!)];
    if (ours !== theirs) found.push(`${declared.name} is ${theirs}, not ${ours}`);
    return found;
  });
}
