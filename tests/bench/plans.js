/*
 * plans.js: the statements of a request as PostgreSQL logs them, written down
 * for the floor, and the floor itself behind an nginx like the instance's.
 */
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { BUILD } = require('../http/lib/instance.js');
const { sleep } = require('./rounds.js');

const FLOOR = path.join(BUILD, 'bench/floor');
const helpers = [];

/* Starts a program as the instance's user; it is ended with us. */
function helper(instance, command, words, environment = {}) {
	const { uid, gid } = fs.statSync(path.join(instance.folder, 'run'));
	const child = spawn(command, words.map(String), { cwd: '/', uid, gid,
		stdio: ['ignore', 'inherit', 'inherit'], detached: true,
		env: { ...process.env, ...environment } });
	helpers.push(child);
	return child;
}

/* The statements of one request, from PostgreSQL's own log. */
async function statementsOf(instance, ask) {
	const file = path.join(instance.folder, 'log/postgresql.log');
	const setting = (value) => {
		instance.psql('ALTER SYSTEM SET log_line_prefix = \'%a: \'');
		instance.psql(`ALTER SYSTEM SET log_min_duration_statement = ${value}`);
		instance.psql('SELECT pg_reload_conf()');
	};
	for (let i = 0; i < 100; i++) /* every worker knows caller and statement */
		await ask();
	setting(0);
	await sleep(500);
	const from = fs.statSync(file).size;
	await ask();
	await sleep(200);
	const log = fs.readFileSync(file, 'utf8').slice(from);
	setting(-1);
	await sleep(200);
	return parseLog(log);
}

function parseLog(log) {
	const statements = [];
	const joined = log.replace(/\n\t/g, '\n ').split(/\n(?=[^\n]*?: [A-Z]+: {2})/);
	const ours = 'actd quick: '; /* not a runner's, nor psql's */
	for (const line of joined) {
		if (!line.startsWith(ours))
			continue;
		const entry = line.slice(ours.length);
		const executed = /^LOG: {2}duration: [\d.]+ ms {2}execute [^:]*: ([^]*)$/.exec(entry);
		if (executed)
			statements.push({ text: executed[1].trim(), parameters: [] });
		const detail = /^DETAIL: {2}parameters: ([^]*)$/.exec(entry);
		if (detail && statements.length)
			statements.at(-1).parameters = parseParameters(detail[1]);
	}
	if (!statements.length)
		throw new Error(`no statement in PostgreSQL's log:\n${log}`);
	return statements;
}

/* "$1 = 'it''s', $2 = NULL" */
function parseParameters(text) {
	const parameters = [];
	for (const match of text.matchAll(/\$\d+ = (NULL|'((?:[^']|'')*)')/g))
		parameters.push(match[1] === 'NULL' ? null : match[2].replaceAll('\'\'', '\''));
	return parameters;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/*
 * Writes a plan for the floor; `known` are UUIDs that stay as they are, one of
 * `ids` stands for any of them.
 */
function writePlan(folder, name, statements, known = [], ids = []) {
	const part = (kind, text) => `${kind} ${Buffer.byteLength(text)}\n${text}\n`;
	const parameter = (value) => {
		if (value === null)
			return 'N\n';
		if (ids.includes(value))
			return part('R', ids.join(''));
		return UUID.test(value) && !known.includes(value) ? 'U\n' : part('T', value);
	};
	fs.writeFileSync(path.join(folder, `${name}.plan`), statements.map((one) =>
		part('S', one.text) + one.parameters.map(parameter).join('')).join(''));
}

/* nginx with the instance's own settings in front of the floor. */
function startFloor(instance, folder, port) {
	const run = path.join(instance.folder, 'run');
	const { uid, gid } = fs.statSync(run);
	const names = fs.readdirSync(run).filter((name) => name.endsWith('.conf'));
	for (const name of names) {
		const file = path.join(run, `floor-${name}`);
		fs.writeFileSync(file, fs.readFileSync(path.join(run, name), 'utf8')
			.replaceAll(`${run}/`, `${run}/floor-`)
			.replaceAll(/floor-(body|fastcgi|proxy|uwsgi|scgi)"/g, '$1"')
			.replaceAll(`:${instance.port}`, `:${port}`));
		fs.chownSync(file, uid, gid);
	}
	const connection = `host='${run}' user=actd dbname=actd`;
	helper(instance, FLOOR, [path.join(run, 'floor-quick.sock'),
		instance.processes('quick worker').length, connection, folder]);
	helper(instance, 'nice', ['-n', '10', FLOOR, path.join(run, 'floor-hash.sock'),
		instance.processes('hash worker').length, connection, folder]);
	helper(instance, 'nginx', ['-p', run, '-c', path.join(run, 'floor-nginx.conf'),
		'-e', path.join(instance.folder, 'log/floor.log'), '-g', 'daemon off;'],
	{ PATH: `${process.env.PATH}:/usr/sbin` });
}

async function freshPort() {
	const net = require('node:net');
	return new Promise((resolve) => {
		const server = net.createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

function stopHelpers() {
	for (const child of helpers.splice(0))
		process.kill(-child.pid);
}

process.on('exit', () => {
	for (const child of helpers) {
		try {
			process.kill(-child.pid, 'SIGKILL');
		} catch {
			/* it has ended */
		}
	}
});

module.exports = { freshPort, startFloor, statementsOf, stopHelpers, writePlan };
