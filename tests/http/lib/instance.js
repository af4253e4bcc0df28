/*
 * instance.js: throw-away instances: a private PostgreSQL, nginx and pool
 * under a temporary folder, started and stopped by `actd instance`. Knows
 * nothing of HTTP but the port; lib/client.js speaks to it.
 */
'use strict';

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const REPOSITORY = path.resolve(__dirname, '../../..');
const BUILD = path.resolve(REPOSITORY, process.env.ACTD_BUILD || 'build');
const ACTD = path.join(BUILD, 'actd');
/* Under a sanitizer memory is another matter. */
const SANITIZED = fs.existsSync(ACTD) && fs.readFileSync(ACTD).includes('__asan_init');

const running = new Set();

function freePort() {
	return new Promise((resolve, reject) => {
		const server = net.createServer();
		server.once('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

class Instance {
	constructor(folder, port, environment) {
		this.folder = folder;
		this.port = port;
		const log = `log_path=${folder}.san`;
		this.environment = {
			ASAN_OPTIONS: `${log}:detect_leaks=1`,
			UBSAN_OPTIONS: `${log}:print_stacktrace=1`,
			...environment,
		};
		this.nodes = []; /* over this one's database, made later */
		this.url = `http://127.0.0.1:${port}`;
	}

	/*
	 * Runs `actd instance VERB`. Its output goes to a file: what it leaves
	 * running would keep a pipe open.
	 */
	command(verb, { mustSucceed = true } = {}) {
		const log = path.join(this.folder, `../${path.basename(this.folder)}.log`);
		const file = fs.openSync(log, 'w');
		const run = spawnSync(ACTD, ['instance', verb], {
			cwd: REPOSITORY,
			env: this.environment,
			stdio: ['ignore', file, file],
			timeout: 120000,
		});
		fs.closeSync(file);
		const output = fs.readFileSync(log, 'utf8');
		fs.rmSync(log, { force: true });
		if (run.error)
			throw run.error;
		if (mustSucceed && run.status !== 0)
			throw new Error(`actd instance ${verb} ended with ` +
				`${run.status ?? run.signal}:\n${output}`);
		return output;
	}

	start() {
		running.add(this);
		this.command('start');
		return this;
	}

	/* Arguments that make psql reach the private PostgreSQL. */
	databaseArguments() {
		return ['-h', path.join(this.folder, 'run'), '-U', 'actd', '-d', 'actd'];
	}

	/* The unix socket of a pool: quick, hash or long. */
	socket(pool) {
		return path.join(this.folder, 'run', `${pool}.sock`);
	}

	/* Process ids by role, as ps shows them: "quick worker", "master". */
	processes(role) {
		const title = `actd: ${role} [${path.basename(this.folder)}]`;
		return fs.readdirSync('/proc').filter((name) => {
			if (!/^\d+$/.test(name))
				return false;
			try {
				return fs.readFileSync(`/proc/${name}/cmdline`, 'latin1')
					.replaceAll('\0', ' ').trim() === title;
			} catch {
				return false; /* it has just ended */
			}
		}).map(Number).sort((a, b) => a - b);
	}

	/* What the pools have logged so far. */
	log() {
		return fs.readFileSync(path.join(this.folder, 'log/actd.log'), 'utf8');
	}

	/* Rows of a statement, one a line, columns parted by "|". */
	psql(sql) {
		return execFileSync('psql', [...this.databaseArguments(), '-XAtq',
			'-v', 'ON_ERROR_STOP=1', '-c', sql],
		{ encoding: 'utf8', env: this.environment }).trim();
	}

	/* The key that signs tokens, from the instance's 0600 file. */
	tokenSecret() {
		const text = fs.readFileSync(path.join(this.folder, 'keys'), 'utf8');
		return /^token_secret=(.*)$/m.exec(text)[1];
	}

	/*
	 * What sanitizers found in the processes, leaks at their end included,
	 * fails the test: of the processes nobody else would see it.
	 */
	reportFindings() {
		const around = path.dirname(this.folder);
		const reports = fs.readdirSync(around)
			.filter((name) => name.startsWith(`${path.basename(this.folder)}.san.`))
			.map((name) => {
				const file = path.join(around, name);
				const text = fs.readFileSync(file, 'utf8');
				fs.rmSync(file);
				return text;
			});
		if (reports.length === 0)
			return;
		process.exitCode = 1;
		console.error(`sanitizers found, in ${this.folder}:\n${reports.join('\n')}`);
		throw new Error(`sanitizers found: ${reports.length} reports`);
	}

	stop() {
		if (!running.delete(this))
			return;
		for (const node of this.nodes)
			node.stop();
		/* A folder that may still be in use is left, for whoever looks. */
		this.command('stop');
		this.reportFindings();
		if (!process.env.KEEP_INSTANCE)
			fs.rmSync(this.folder, { recursive: true, force: true });
	}
}

/* A node whose PostgreSQL is another instance's. */
class Node extends Instance {
	constructor(folder, port, environment, first) {
		super(folder, port, environment);
		this.first = first;
	}

	databaseArguments() {
		return this.first.databaseArguments();
	}
}

/*
 * Another node over the database of an instance, with its keys; it ends with
 * that one.
 */
async function startNode(instance, settings = {}) {
	const folder = makeFolder();
	const port = await freePort();
	const node = new Node(folder, port, {
		...instance.environment,
		INSTANCE: folder,
		PORT: String(port),
		ACTD_DATABASE: `host=${instance.folder}/run user=actd dbname=actd`,
		ACTD_KEYS_FILE: path.join(instance.folder, 'keys'),
		ACTD_FILES_FOLDER: path.join(instance.folder, 'files'),
		...settings,
	}, instance);
	instance.nodes.push(node);
	return node.start();
}

function makeFolder() {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'actd-test.'));
	fs.chmodSync(folder, 0o755);
	return folder;
}

/* A fresh instance that answers. `settings` are variables of environment. */
async function startInstance(settings = {}) {
	const folder = makeFolder();
	const port = await freePort();
	const environment = {
		...process.env,
		INSTANCE: folder,
		PORT: String(port),
		ACTD_HASH_COST: '4',
		...settings,
	};
	return new Instance(folder, port, environment).start();
}

/* Whatever happens to the test, nothing is left running. */
function stopAll() {
	for (const instance of [...running]) {
		try {
			instance.stop();
		} catch (error) {
			console.error(`${instance.folder} was left: ${error.message}`);
		}
	}
}

process.on('exit', stopAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.on(signal, () => process.exit(130));

module.exports = { startInstance, startNode, Instance, REPOSITORY, BUILD, ACTD, SANITIZED };
