import type { Command } from 'commander';
import { newProject } from '../new-project.js';
import { print } from '../streams.js';

export function addInit(program: Command): void {
  program
    .command('init')
    .description('Write a small TypeScript project that trains on data of your own, into an empty folder.')
    .argument('[folder]', 'where it goes (default: here)')
    .action(async (folder = '.') => {
      const names = await newProject(folder);
      const go = folder === '.' ? '' : `cd ${/^[\w./-]+$/.test(folder) ? folder : `'${folder}'`} && `;
      print(`${folder}: ${names.join(', ')}\nNow: ${go}npm install && npm start`);
    });
}
