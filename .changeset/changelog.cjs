/** A change in CHANGELOG.md is its summary, without commit or author. */
module.exports = {
  getReleaseLine: async ({ summary }) => `- ${summary.trim().replace(/\n(?=.)/g, '\n  ')}`,
  getDependencyReleaseLine: async () => '',
};
