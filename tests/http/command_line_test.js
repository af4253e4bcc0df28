/*
 * command_line_test.js: the program says how it is called, and ends with the
 * statuses that its manual page names. Needs no instance.
 */
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { ACTD, REPOSITORY } = require('./lib/instance.js');

const actd = (...words) => spawnSync(ACTD, words, { encoding: 'utf8',
	env: { PATH: process.env.PATH } });

/* The commands, as the program names them. */
const commands = () => [...actd('--help').stdout.matchAll(/^ {2}([a-z-]+)( .*)?$/gm)]
	.map(([, name, words = '']) => ({ name, words }));

test('--help goes to standard output, of the program and of each command', () => {
	const all = actd('--help');
	assert.equal(all.status, 0);
	assert.equal(all.stderr, '');
	assert.ok(commands().length > 5, all.stdout);
	for (const { name, words } of commands())
		for (const option of ['--help', '-h']) {
			const { status, stdout, stderr } = actd(name, option);
			assert.equal(status, 0, name);
			assert.equal(stderr, '', name);
			assert.equal(stdout.split('\n')[0], `usage: actd [-c FILE] ${name}${words}`);
		}
});

test('every command is in the manual page', () => {
	const manual = fs.readFileSync(path.join(REPOSITORY, 'fcgi/actd.8'), 'utf8')
		.replaceAll('\\-', '-');
	for (const { name } of commands())
		assert.match(manual, new RegExp(`^\\.BR? "?${name}\\b`, 'm'));
});

test('wrong usage ends with 64 and one line that says the right one', () => {
	for (const [name, ...words] of [['serve', 'x'], ['check', 'x'], ['migrate', '--wet'],
		['action'], ['import'], ['export'], ['import-dump'], ['keys', 'x'],
		['routes', 'x'], ['explain-access']]) {
		const { status, stdout, stderr } = actd(name, ...words);
		assert.equal(status, 64, name);
		assert.equal(stdout, '', name);
		assert.match(stderr, new RegExp(`^usage: actd \\[-c FILE\\] ${name}\\b`, 'm'));
	}
	for (const words of [[], ['nonsense'], ['--nonsense'], ['instance', 'nonsense']]) {
		const { status, stdout, stderr } = actd(...words);
		assert.equal(status, 64, words.join());
		assert.equal(stdout, '');
		assert.notEqual(stderr, '');
	}
});

test('a configuration that is not there or is wrong ends with 78', () => {
	const folder = fs.mkdtempSync('/tmp/command_line.');
	try {
		const file = path.join(folder, 'actd.yaml');
		assert.equal(actd('-c', file, 'check').status, 78);
		fs.writeFileSync(file, 'nonsense: 1\n');
		const { status, stderr } = actd('-c', file, 'check');
		assert.equal(status, 78, stderr);
		assert.match(stderr, /^actd: .*nonsense/);
	} finally {
		fs.rmSync(folder, { recursive: true });
	}
});
