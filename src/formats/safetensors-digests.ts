import { DIGEST_LENGTH, type Digest, digestOf, NO_DIGEST } from './digest.js';
import { malformed } from './safetensors-header.js';

/** Of all tensors, one behind the other in the order of the file. */
const TENSORS = 'flatmin_digests';
/** Of the header's text, with zeros for this digest. */
const HEADER = 'flatmin_header_digest';

/**
 * The text of a header with digests in its metadata. Its length does not depend on them.
 * @param format the header with the metadata given to it
 * @param digests of the tensors; before they are known, how many there are
 */
export function sealHeader(
  format: (metadata: Record<string, string>) => string,
  digests: readonly Digest[] | number,
): string {
  const all = typeof digests === 'number' ? NO_DIGEST.repeat(digests) : digests.join('');
  const text = (header: Digest) => format({ [TENSORS]: all, [HEADER]: header });
  return text(digestOf(text(NO_DIGEST)));
}

/**
 * The digests of a file's tensors, in its order; undefined where it has none.
 * @throws FlatminError INVALID_DATA where the header is not what was written
 */
export function tensorDigests(
  file: string,
  text: string,
  metadata: Readonly<Record<string, string>>,
): readonly Digest[] | undefined {
  const { [TENSORS]: all, [HEADER]: header } = metadata;
  if (header === undefined) return undefined;
  const found = digestOf(text.trimEnd().replace(member(header), member(NO_DIGEST)));
  if (found !== header)
    throw malformed(file, `a header of digest ${header}`, `${found}: the file is damaged`);
  return Array.from({ length: (all?.length ?? 0) / DIGEST_LENGTH }, (_, i) =>
    all!.slice(i * DIGEST_LENGTH, (i + 1) * DIGEST_LENGTH),
  );
}

/** @throws FlatminError INVALID_DATA naming the tensor */
export function checkTensorDigest(file: string, name: string, expected: Digest, bytes: Uint8Array): void {
  const found = digestOf(bytes);
  if (found !== expected)
    throw malformed(file, `tensor "${name}" to have the digest ${expected}`, `${found}: the file is damaged`);
}

const member = (digest: string): string => `"${HEADER}":"${digest}"`;
