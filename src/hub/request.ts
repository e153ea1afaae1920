import { FlatminError } from '../errors.js';
import type { HubAccess } from './options.js';

/** What is asked for, in words for messages: 'the model OWNER/NAME', and of what. */
export interface Asked {
  readonly kind: 'model' | 'dataset';
  readonly repo: string;
  readonly revision: string;
  /** Of the file, where one is asked for. */
  readonly path?: string;
}

/** Nobody answered: no network, no such host, a connection refused or cut. */
export class Unreachable extends FlatminError {}

/** The server does not go on with a file where it was asked to. */
export class NoSuchRange extends FlatminError {}

const textOf = (error: unknown): string => {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return inner instanceof Error
    ? inner.message || String((inner as NodeJS.ErrnoException).code)
    : String(inner);
};

/** @throws FlatminError INTERRUPTED where the signal is aborted, else Unreachable */
export function requestFailed(error: unknown, what: string, signal: AbortSignal | undefined): never {
  if (signal?.aborted)
    throw new FlatminError('INTERRUPTED', `The download of ${what} was stopped.`, { cause: error });
  throw new Unreachable('NETWORK', `Could not get ${what}: ${textOf(error)}.`, { cause: error });
}

/** A list of 1,000 files has 0.3 MB. */
const LONGEST_ANSWER = 64 * 2 ** 20;

/**
 * hubFetch for answers that are read whole, which have arrived so.
 * @throws FlatminError what hubFetch throws, also for one that is cut, or longer than any of the hub's
 */
export const hubAsk =
  (access: HubAccess, asked: Asked, signal?: AbortSignal): typeof fetch =>
  async (url, init) => {
    const { body, headers } = await hubFetch(access, asked, signal)(url, init);
    const what = `what ${access.endpoint} says of ${nameOf(asked)}`;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const reader = body?.getReader();
    for (;;) {
      const next = await reader?.read().catch((error) => requestFailed(error, what, signal));
      if (!next?.value) return new Response(Buffer.concat(chunks), { headers });
      bytes += next.value.length;
      if (bytes > LONGEST_ANSWER) {
        await reader?.cancel().catch(() => {});
        throw new FlatminError(
          'NETWORK',
          `The answer of ${access.endpoint} on ${nameOf(asked)} has more than ${LONGEST_ANSWER / 2 ** 20} MiB: none of the hub's is so long.`,
        );
      }
      chunks.push(next.value);
    }
  };

const nameOf = ({ kind, repo }: Asked): string => `the ${kind === 'model' ? 'model' : 'data set'} ${repo}`;

/**
 * fetch, whose answers are those of success: any other is an error that says what it means for what is asked.
 * @throws FlatminError NETWORK, NOT_FOUND, INTERRUPTED
 */
export const hubFetch =
  (access: HubAccess, asked: Asked, signal?: AbortSignal): typeof fetch =>
  async (url, init) => {
    const what = asked.path === undefined ? nameOf(asked) : `${asked.path} of ${nameOf(asked)}`;
    const own = { ...init, signal: signal ?? null };
    const response = await fetch(url, own).catch((error) =>
      requestFailed(error, `${what} from ${access.endpoint}`, signal),
    );
    if (response.ok) return response;
    await response.body?.cancel().catch(() => {});
    throw refusal(response, access, asked, what);
  };

/** What an answer without success means: https://huggingface.co/docs/huggingface_hub/package_reference/utilities has the codes. */
function refusal({ status, headers }: Response, access: HubAccess, asked: Asked, what: string): FlatminError {
  const code = headers.get('x-error-code') ?? '';
  const { endpoint, token } = access;
  const page = `${endpoint}/${asked.kind === 'dataset' ? 'datasets/' : ''}${asked.repo}`;
  const withToken = token
    ? 'the token in HF_TOKEN does not give access'
    : 'set HF_TOKEN to an access token (https://huggingface.co/settings/tokens)';
  if (code === 'GatedRepo' || status === 403)
    return new FlatminError(
      'NETWORK',
      `The hub refused ${what} (${status}): it is gated. Ask for access at ${page}, and ${token ? 'use a token of that account: the one in HF_TOKEN does not give access' : withToken}.`,
    );
  if (status === 401)
    return new FlatminError(
      'NETWORK',
      `The hub refused ${what} (401): there is none, or it is private or gated. Check the name; where it is right, ${withToken}.`,
    );
  if (status === 404) {
    if (code === 'RevisionNotFound')
      return new FlatminError(
        'NOT_FOUND',
        `There is no revision "${asked.revision}" of ${nameOf(asked)} at ${endpoint}.`,
      );
    if (code === 'EntryNotFound' || asked.path !== undefined)
      return new FlatminError('NOT_FOUND', `There is no ${what} at the revision ${asked.revision}.`);
    return new FlatminError(
      'NOT_FOUND',
      `There is no ${nameOf(asked).slice('the '.length)} at ${endpoint}, or none at the revision "${asked.revision}", or it is private and needs HF_TOKEN.`,
    );
  }
  if (status === 416)
    return new NoSuchRange('NETWORK', `${endpoint} does not go on with ${what} where it ended (416).`);
  if (status === 429) {
    const seconds = headers.get('retry-after');
    const when = seconds && /^\d+$/.test(seconds) ? `in ${seconds} seconds` : 'later';
    return new FlatminError(
      'NETWORK',
      `The hub has had too many requests from here (429), and did not give ${what}: try again ${when}${token ? '' : ', or set HF_TOKEN, with which it allows more'}.`,
    );
  }
  return new FlatminError(
    'NETWORK',
    `Could not get ${what} from ${endpoint}: the server answered ${status}.`,
  );
}
