/** A page of the site: what the sidebar calls it, and the file of the repository that it is. */
export interface Page {
  readonly text: string;
  readonly file: string;
}

export interface Chapter {
  readonly text: string;
  readonly pages: readonly Page[];
}

/** The sidebar. The first page is the site's front. */
export const chapters: readonly Chapter[] = [
  {
    text: 'Begin',
    pages: [
      { text: 'Start', file: 'docs/start.md' },
      { text: 'Installing', file: 'docs/installing.md' },
      { text: 'Train a model of your own', file: 'docs/fine-tuning.md' },
      { text: 'Data', file: 'docs/data.md' },
      { text: 'Metrics', file: 'docs/metrics.md' },
      { text: 'Models of the hub', file: 'docs/hub.md' },
      { text: 'SAM and its family', file: 'docs/choosing.md' },
      { text: 'A notebook', file: 'examples/notebook/README.md' },
      { text: 'Coming from another library', file: 'docs/migrating.md' },
    ],
  },
  {
    text: 'From files to a model',
    pages: [
      { text: 'Images in class folders', file: 'docs/guides/images.md' },
      { text: 'A regression on a CSV', file: 'docs/guides/table.md' },
      { text: 'A text classifier', file: 'docs/guides/text.md' },
      { text: 'A GPT on a text', file: 'docs/guides/language-model.md' },
      { text: 'Segmentation', file: 'docs/guides/segmentation.md' },
    ],
  },
  {
    text: 'Experiments',
    pages: [
      { text: 'Measures of sharpness', file: 'docs/sharpness.md' },
      { text: 'The paper', file: 'docs/paper.md' },
    ],
  },
  {
    text: 'Machines',
    pages: [
      { text: 'Training build and GPUs', file: 'docs/gpu.md' },
      { text: 'Clusters', file: 'docs/cluster.md' },
      { text: 'Reliability', file: 'docs/reliability.md' },
      { text: 'Performance', file: 'docs/performance.md' },
    ],
  },
  {
    text: 'Reference',
    pages: [
      { text: 'Optimizers', file: 'docs/optimizers.md' },
      { text: 'Operators', file: 'docs/operators.md' },
      { text: 'Models of other exporters', file: 'docs/foreign-models.md' },
      { text: 'Library', file: 'build/reference/index.md' },
    ],
  },
  {
    text: 'Extending',
    pages: [
      { text: 'Parts of your own', file: 'docs/extending.md' },
      { text: 'An optimizer', file: 'examples/own-optimizer/README.md' },
      { text: 'A measure', file: 'examples/own-measure/README.md' },
      { text: 'A loss', file: 'examples/own-loss/README.md' },
      { text: 'A data set', file: 'examples/own-data/README.md' },
      { text: 'Architecture', file: 'ARCHITECTURE.md' },
      { text: 'Contributing', file: 'CONTRIBUTING.md' },
      { text: 'Building the addon', file: 'docs/building.md' },
      { text: 'Publishing', file: 'docs/publishing.md' },
      { text: 'Changelog', file: 'CHANGELOG.md' },
    ],
  },
  {
    text: 'Whole programs',
    pages: [
      { text: 'A classifier', file: 'examples/fine-tune-classifier/README.md' },
      { text: 'A text classifier', file: 'examples/text-classifier/README.md' },
      { text: 'A segmenter', file: 'examples/segmentation/README.md' },
    ],
  },
];

/** Where `npm run docs` has TypeDoc write the pages of public names; not checked in. */
export const REFERENCE = 'build/reference/';

const front = chapters[0]!.pages[0]!.file;

/** Where the site has a file of the repository; nothing for a file that is no page of it. */
export function pathOnSite(file: string): string | undefined {
  if (file === front) return 'index.md';
  if (file.startsWith(REFERENCE)) return `reference/${file.slice(REFERENCE.length)}`;
  if (!chapters.some(({ pages }) => pages.some((page) => page.file === file))) return undefined;
  const [, folder] = /^examples\/(.+)\/README\.md$/.exec(file) ?? [];
  return folder ? `examples/${folder}.md` : file.replace(/^docs\//, '').toLowerCase();
}
