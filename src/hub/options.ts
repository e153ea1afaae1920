import { FlatminError, invalid } from '../errors.js';

/** How far a download is. */
export interface DownloadProgress {
  /** Path in the repository. */
  readonly file: string;
  /** Of the file, those of an earlier download included. */
  readonly receivedBytes: number;
  /** Of the whole file. */
  readonly totalBytes: number;
}

/** Options of what takes files from the Hugging Face Hub. */
export interface HubOptions {
  /** Stops it with INTERRUPTED; what has arrived is kept, and the next download goes on there. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each chunk of a file; not at all for what the cache has. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Told where the cache stands in for the hub. Default: a line on stderr. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Where HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and FLATMIN_CACHE are looked up. Default process.env. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** What the environment says of the hub. */
export interface HubAccess {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Whether nobody may be asked. */
  readonly offline: boolean;
}

const OFFICIAL = 'https://huggingface.co';
/** As Hugging Face's own programs read it. */
const TRUE = /^(1|on|yes|true)$/i;

/** @throws FlatminError INVALID_ARGUMENT naming the variable */
export function hubAccess(env: NodeJS.ProcessEnv): HubAccess {
  const endpoint = (env.HF_ENDPOINT || OFFICIAL).replace(/\/+$/, '');
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw invalid('HF_ENDPOINT', `an http or https address such as ${OFFICIAL}`, endpoint);
  const token = env.HF_TOKEN?.trim() || undefined;
  // What it is stays untold.
  if (token !== undefined && !/^hf_\w+$/.test(token))
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'Expected HF_TOKEN to be an access token, which begins with "hf_" (https://huggingface.co/settings/tokens), but it is something else.',
    );
  return { endpoint, token, offline: TRUE.test(env.HF_HUB_OFFLINE ?? '') };
}
