import { invalid } from '../errors.js';

/** What `hf:OWNER/NAME[@REVISION][/PATH]` says. */
export interface HubName {
  /** OWNER/NAME. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** Of a file or a folder of the repository; empty where none is named. */
  readonly path: string;
}

const PREFIX = 'hf:';
const FORM = `${PREFIX}OWNER/NAME[@REVISION][/PATH]`;
const DEFAULT_REVISION = 'main';

/** Owner, name, revision and path. The hub's own references (pull requests, converted data) have slashes; in others a slash is %2F. */
const NAME =
  /^hf:(?<owner>[^/@]+)\/(?<name>[^/@]+)(?:@(?<revision>refs\/(?:pr|convert)\/[^/]+|[^/]+))?(?:\/(?<path>.+))?$/;
const PART = /^\w[\w.-]{0,95}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them in names
const NOT_IN_REFERENCES = /[\s~^:?*[\\\x00-\x1f\x7f]|\.\.|^[-/]|\/$|\/\//;
const COMMIT = /^[0-9a-f]{40}$/;

/** Whether a name is one of the hub, well formed or not. */
export const isHubName = (name: string): boolean => name.startsWith(PREFIX);

/** Whether a revision is a commit, whole: what it stands for never changes. */
export const isCommit = (revision: string): boolean => COMMIT.test(revision);

/** @throws FlatminError INVALID_ARGUMENT for what is not of the form */
export function parseHubName(text: string): HubName {
  const { owner, name, revision = DEFAULT_REVISION, path = '' } = NAME.exec(text)?.groups ?? {};
  const decoded = decodedUri(revision);
  const isRepo = [owner, name].every((part) => part !== undefined && PART.test(part) && !part.includes('..'));
  if (!isRepo || decoded === undefined || NOT_IN_REFERENCES.test(decoded))
    throw invalid('a name of the Hugging Face Hub', `of the form ${FORM}`, text);
  if (path !== '' && !isSafePath(path))
    throw invalid('the path in a repository of the Hugging Face Hub', `without "..", "." or \\`, path);
  return { repo: `${owner}/${name}`, revision: decoded, path };
}

function decodedUri(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The name of just these bytes. */
export const pinnedName = (repo: string, commit: string, path: string): string =>
  `${PREFIX}${repo}@${commit}${path === '' ? '' : `/${path}`}`;

/** Whether a path, as a repository has it, stays in the folder that it is put into, on any system. */
export const isSafePath = (path: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no file is named so
  !/[\\\x00-\x1f\x7f-\x9f]|^[A-Za-z]:/.test(path) &&
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
