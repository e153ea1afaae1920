import { readFile } from 'node:fs/promises';
import test from 'ava';
import { fetchOrtHeader } from '../../../scripts/fetch-ort-header.js';
import { declaredFunctions, differences } from '../../../scripts/ort-header.js';

const header = `
typedef enum OrtErrorCode { ORT_OK } OrtErrorCode;
struct OrtApi {
  /// \\name OrtStatus; and a comment
  OrtStatus*(ORT_API_CALL* CreateStatus)(OrtErrorCode code, _In_ const char* msg)NO_EXCEPTION ORT_ALL_ARGS_NONNULL;
  /** \\brief A function; of two arguments */
  ORT_API2_STATUS(GetDimensions, _In_ const OrtTensorTypeAndShapeInfo* info, _Out_writes_(n) int64_t* values,
                  size_t n);
  ORT_CLASS_RELEASE(Session);  // not twice
  ORT_API2_STATUS(ParallelFor, _In_ void (*fn)(void*, size_t), _In_reads_(n) const char* const* keys, _In_ const ORTCHAR_T* path);
  ORT_API_T(bool, HasShape, _In_ const OrtTensorTypeAndShapeInfo* info);
};
`;
const rows = [
  'X(0, OrtStatus*, CreateStatus, (int, const char*))',
  'X(1, OrtStatus*, GetDimensions, (const OrtTensorTypeAndShapeInfo*, int64_t*, size_t))',
  'X(2, void, ReleaseSession, (OrtSession*))',
  'X(3, OrtStatus*, ParallelFor, \\\n    (void (*)(void*, size_t), const char* const*, const OrtPathChar*))',
  'X(4, bool, HasShape, (const OrtTensorTypeAndShapeInfo*))',
];

test('declarations as those of the header differ in nothing', (t) => {
  t.is(declaredFunctions(rows.join('\n')).length, rows.length);
  t.deepEqual(differences(rows.join('\n'), header), []);
});

const faults: [number, string, string, string][] = [
  [2, 'X(2', 'X(3', 'ReleaseSession is in slot 2, not 3'],
  [
    1,
    'int64_t*, size_t',
    'size_t, int64_t*',
    'GetDimensions is OrtStatus*(const OrtTensorTypeAndShapeInfo*, int64_t*, size_t), not OrtStatus*(const OrtTensorTypeAndShapeInfo*, size_t, int64_t*)',
  ],
  [
    4,
    'bool',
    'int',
    'HasShape is bool(const OrtTensorTypeAndShapeInfo*), not int(const OrtTensorTypeAndShapeInfo*)',
  ],
  [0, 'CreateStatus', 'MakeStatus', 'MakeStatus is no function of the header'],
];
for (const [row, right, wrong, message] of faults) {
  test(`a fault is found: ${message}`, (t) => {
    const changed = rows.map((each, index) => (index === row ? each.replace(right, wrong) : each));
    t.deepEqual(differences(changed.join('\n'), header), [message]);
  });
}

test('native/ort/ort_api.h declares what the official header does', async (t) => {
  t.timeout(180_000);
  const source = await readFile('native/ort/ort_api.h', 'utf8');
  t.is(declaredFunctions(source).length, [...source.matchAll(/^ {2}X\(/gm)].length);
  const official = await fetchOrtHeader().catch((cause: Error) => {
    t.log(`Not compared: the header is not to be had. ${cause.message}`);
  });
  if (official !== undefined) t.deepEqual(differences(source, official), []);
});
