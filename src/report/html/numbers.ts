/** "0.0004055", "12.35", "1.2 × 10⁻⁶": four significant digits, or as many as asked for. */
export function formatNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return '–';
  if (!Number.isFinite(value)) return String(value);
  if (value === 0 || Number.isInteger(value))
    return Math.abs(value) < 1e15 ? String(value) : scientific(value, digits);
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e7 ? minus(plain(value, digits)) : scientific(value, digits);
}

/** A tick: short, without trailing zeros. */
export function formatTick(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e6) return minus(String(Number(value.toPrecision(6))));
  return scientific(value, 3)
    .replace(/\.?0+ ×/, ' ×')
    .replace(/^1 × /, '')
    .replace(/^−1 × /, '−');
}

export const formatPercent = (share: number | null | undefined): string =>
  share === null || share === undefined ? '–' : (100 * share).toFixed(2);

function plain(value: number, digits: number): string {
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 12));
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function scientific(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string];
  const power = Number(exponent);
  const raised = [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)]).join('');
  return `${minus(mantissa)} × 10${power < 0 ? '⁻' : ''}${raised}`;
}

const minus = (text: string): string => text.replace('-', '−');
