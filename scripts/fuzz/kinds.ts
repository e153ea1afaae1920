import type { Kind } from './kind.js';
import { misuse } from './misuse.js';
import { models } from './models/models.js';
import { networks } from './networks/networks.js';
import { programs } from './programs.js';
import { readers } from './readers/readers.js';

export const kinds: readonly Kind[] = [models, networks, readers, programs, misuse];
