import test from 'ava';
import { folded } from '../../scripts/changelog.js';

test('what was unreleased before changesets belongs to the version above it', (t) => {
  const rest = '### Added\n\n- old\n';
  const version = '# Changelog\n\n## 0.2.0\n\n### Minor Changes\n\n- new\n\n';
  t.is(folded(`${version}## Unreleased\n\n${rest}`), `${version}${rest}`);
  t.is(folded(`${version}${rest}`), `${version}${rest}`, 'there is nothing to fold');
});

test('nothing is folded before there is a version', (t) => {
  const changelog = '# Changelog\n\n## Unreleased\n\n### Added\n\n- old\n\n## 0.1.0\n';
  t.is(folded(changelog), changelog);
});
