/*
 * bench.js: measures the server and the floor in turns on one instance and
 * prints ratios, so that the machine's mood is in neither of them.
 */
'use strict';

const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { BUILD, startInstance } = require('../http/lib/instance.js');
const { Client, JSON_API, PASSWORD, expect, mailOf, settle } =
	require('../http/lib/client.js');

const ROUNDS = Number(process.env.BENCH_ROUNDS || 5);
const SECONDS = Number(process.env.BENCH_SECONDS || 4);
const FAIR_SECONDS = Number(process.env.BENCH_FAIR_SECONDS || 60);
/* A check of a password takes a tenth of a second. */
const SIGN_IN_SECONDS = Math.max(SECONDS, 8);
const ROWS = Number(process.env.BENCH_ROWS || 10000);
const MEMORY_REQUESTS = Number(process.env.BENCH_MEMORY_REQUESTS || 100000);
const CORES = os.cpus().length;
const CONNECTIONS = 8;
const CLIENTS = 16; /* of those that compete */
const FLOOR = path.join(BUILD, 'bench/floor');

let instance;
let alice;
let root;
const helpers = [];

const sleep = (milliseconds) =>
	new Promise((resolve) => setTimeout(resolve, milliseconds));

function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const half = Math.floor(sorted.length / 2);
	return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/* "1.50ms" in milliseconds. */
function milliseconds(text) {
	const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text);
	return Number(number) * { us: 0.001, ms: 1, s: 1000, m: 60000 }[unit];
}

/* Runs wrk; { rate, p50, p99 } in requests a second and milliseconds. */
function wrk(port, target, { clients = CONNECTIONS, seconds = SECONDS, method = 'GET',
	body, type = JSON_API, client = alice, tolerant = false } = {}) {
	return new Promise((resolve, reject) => {
		const threads = Math.min(CORES, clients);
		const child = spawn('wrk', ['-t', threads, '-c', clients, '-d', `${seconds}s`,
			'--timeout', '30s', '--latency', '-s', path.join(__dirname, 'wrk.lua'),
			`http://127.0.0.1:${port}${target}`].map(String), {
			env: { ...process.env, BENCH_METHOD: method, BENCH_TYPE: type,
				BENCH_TOKEN: client ? `Bearer ${client.token}` : 'Bearer null',
				...(body ? { BENCH_BODY: body } : {}) },
			stdio: ['ignore', 'pipe', 'inherit'] });
		let text = '';
		child.stdout.on('data', (chunk) => { text += chunk; });
		child.on('exit', () => {
			const rate = /Requests\/sec:\s+([\d.]+)/.exec(text);
			const bad = /Non-2xx or 3xx responses: (\d+)/.exec(text);
			const errors = /Socket errors: (.*)/.exec(text);
			if (!rate || (!tolerant && (bad || errors))) {
				reject(new Error(`${method} ${target}: ${text}`));
				return;
			}
			resolve({ rate: Number(rate[1]),
				total: Number(/(\d+) requests in/.exec(text)[1]),
				p50: milliseconds(/ 50%\s+(\S+)/.exec(text)[1]),
				p99: milliseconds(/ 99%\s+(\S+)/.exec(text)[1]) });
		});
	});
}

/* Starts a program as the instance's user; it is ended with us. */
function helper(command, words, environment = {}) {
	const { uid, gid } = fs.statSync(path.join(instance.folder, 'run'));
	const child = spawn(command, words.map(String), { cwd: '/', uid, gid,
		stdio: ['ignore', 'inherit', 'inherit'], detached: true,
		env: { ...process.env, ...environment } });
	helpers.push(child);
	return child;
}

/* The statements of one request, from PostgreSQL's own log. */
async function statementsOf(ask) {
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

/* Writes a plan for the floor; `known` are UUIDs that stay as they are. */
function writePlan(folder, name, statements, known = []) {
	const part = (kind, text) => `${kind} ${Buffer.byteLength(text)}\n${text}\n`;
	fs.writeFileSync(path.join(folder, `${name}.plan`), statements.map((one) =>
		part('S', one.text) + one.parameters.map((value) => {
			if (value === null)
				return 'N\n';
			return UUID.test(value) && !known.includes(value)
				? 'U\n' : part('T', value);
		}).join('')).join(''));
}

/* nginx with the instance's own settings in front of the floor. */
function startFloor(folder, port) {
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
	helper(FLOOR, [path.join(run, 'floor-quick.sock'),
		instance.processes('quick worker').length, connection, folder]);
	helper('nice', ['-n', '10', FLOOR, path.join(run, 'floor-hash.sock'),
		instance.processes('hash worker').length, connection, folder]);
	helper('nginx', ['-p', run, '-c', path.join(run, 'floor-nginx.conf'),
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

function fill() {
	/* Times of creation differ, as they do where rows come one by one. */
	instance.psql('INSERT INTO article (reference_id, permission, user_account_id, ' +
		'created_at, title, body, quantity, price, kind, done, made_at) ' +
		'SELECT gen_random_uuid(), 16256, a.id, now() - n * interval \'1 second\', ' +
		'\'Article number \' || n, ' +
		'repeat(\'words and more \', 8), n % 100, n * 0.25, \'kind \' || n % 7, ' +
		'n % 2 = 0, now() - n * interval \'1 minute\' ' +
		`FROM generate_series(1, ${ROWS}) n, user_account a ` +
		`WHERE a.email = '${mailOf('alice')}'`);
	instance.psql('CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS ' +
		'\'BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END\'');
	instance.psql('CREATE TRIGGER pause BEFORE UPDATE ON slow ' +
		'FOR EACH ROW EXECUTE FUNCTION pause()');
	instance.psql('ANALYZE');
}

const results = [];

function report(what, figures, bar, holds) {
	results.push({ what, figures, bar: bar ?? '', holds });
	console.log(`${what}: ${figures}${bar ? ` (bar ${bar}: ${holds ? 'ok' : 'BELOW'})` : ''}`);
}

const CREATED = JSON.stringify({ data: { type: 'article', attributes: {
	title: 'A new article', body: 'Some words', quantity: 3, price: '1.25',
	kind: 'kind 1', done: true, made_at: '2024-01-01T00:00:00Z' } } });

/* Server and floor in turns; medians of both and of the ratios. */
async function compare(what, bar, server, floor) {
	const [ours, theirs, ratios] = [[], [], []];
	for (let round = 0; round < ROUNDS; round++) {
		const first = await (round % 2 ? floor() : server());
		const second = await (round % 2 ? server() : floor());
		const [us, it] = round % 2 ? [second, first] : [first, second];
		ours.push(us.rate);
		theirs.push(it.rate);
		ratios.push(us.rate / it.rate);
	}
	const ratio = median(ratios);
	report(what, `${ratio.toFixed(2)} of the floor (${Math.round(median(ours))} ` +
		`of ${Math.round(median(theirs))} a second)`, bar && `>= ${bar}`,
	!bar || ratio >= bar);
}

/* How much a variant of a statement costs, on the floor. */
async function price(what, port, full, bare) {
	const ratios = [];
	for (let round = 0; round < ROUNDS; round++) {
		const whole = await wrk(port, `/api/article?plan=${full}`);
		const without = await wrk(port, `/api/article?plan=${bare}`);
		ratios.push(without.rate / whole.rate);
	}
	report(what, `${median(ratios).toFixed(2)} times the statement without`);
}

async function throughput(port, id) {
	const signin = JSON.stringify({ attributes:
		{ email: mailOf('alice'), password: PASSWORD } });
	await compare('get one row', 0.8,
		() => wrk(instance.port, `/api/article/${id}`),
		() => wrk(port, '/api/article/x?plan=get'));
	await compare('list 10 rows', 0.8,
		() => wrk(instance.port, '/api/article'),
		() => wrk(port, '/api/article?plan=list'));
	await compare('list 10 rows without a total', 0.8,
		() => wrk(instance.port, '/api/article?page[total]=none'),
		() => wrk(port, '/api/article?plan=list_no_total'));
	await compare('create a row', 0.7,
		() => wrk(instance.port, '/api/article', { method: 'POST', body: CREATED }),
		() => wrk(port, '/api/article?plan=create', { method: 'POST', body: CREATED }));
	await compare('sign in', null,
		() => wrk(instance.port, '/action/user_account/signin',
			{ method: 'POST', body: signin, client: null, type: 'application/json',
				seconds: SIGN_IN_SECONDS }),
		() => wrk(port, '/action/user_account/signin?plan=signin',
			{ method: 'POST', body: signin, client: null, type: 'application/json',
				seconds: SIGN_IN_SECONDS }));
	await price('permission predicate of a get', port, 'get', 'get_root');
	await price('permission predicate of a list', port, 'list_no_total',
		'list_root_no_total');
	await price('total of a list', port, 'list', 'list_no_total');
}

async function besideSlow(id) {
	const slow = (await alice.made('slow', { title: 'slow' })).id;
	const rows = [slow];
	while (rows.length < 6)
		rows.push((await alice.made('slow', { title: 'slow' })).id);
	const ratios = [];
	const figures = [];
	for (let round = 0; round < ROUNDS; round++) {
		const alone = await wrk(instance.port, `/api/article/${id}`);
		const others = rows.map((row) => wrk(instance.port, `/api/slow/${row}`, {
			clients: 1, seconds: SECONDS + 1, method: 'PATCH',
			body: JSON.stringify({ data: { type: 'slow', id: row,
				attributes: { title: 'still slow' } } }) }));
		await sleep(500);
		const beside = await wrk(instance.port, `/api/article/${id}`);
		const slowOnes = await Promise.all(others);
		if (median(slowOnes.map((one) => one.p50)) < 190)
			throw new Error('the slow requests are not slow');
		ratios.push(beside.p99 / alone.p99);
		figures.push(beside.p99);
	}
	const ratio = median(ratios);
	report('p99 of reads beside six slow clients', `${ratio.toFixed(2)} times alone ` +
		`(${median(figures).toFixed(2)} ms)`, '<= 3', ratio <= 3);
}

async function besideSignIns(id) {
	const signin = JSON.stringify({ attributes:
		{ email: mailOf('alice'), password: PASSWORD } });
	const ratios = [];
	for (let round = 0; round < ROUNDS; round++) {
		const alone = await wrk(instance.port, `/api/article/${id}`);
		const others = wrk(instance.port, '/action/user_account/signin', {
			clients: CLIENTS, seconds: SECONDS + 1, method: 'POST', body: signin, client: null,
			type: 'application/json', tolerant: true });
		await sleep(500);
		ratios.push((await wrk(instance.port, `/api/article/${id}`)).rate / alone.rate);
		await others;
	}
	const ratio = median(ratios);
	report('reads while 16 clients sign in', `${ratio.toFixed(2)} of reads alone`,
		'>= 0.9', ratio >= 0.9);
}

/* Private memory of the quick workers, in KiB. */
function privateMemory() {
	return instance.processes('quick worker').map((pid) => {
		const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
		return [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm)]
			.reduce((sum, match) => sum + Number(match[1]), 0);
	});
}

async function memory(id) {
	await wrk(instance.port, '/api/article?page[size]=100', { seconds: 2 });
	await wrk(instance.port, `/api/article/${id}`, { seconds: 2 });
	const earlier = median(privateMemory());
	let served = 0;
	for (let i = 0; served < MEMORY_REQUESTS; i++) {
		const target = ['/api/article', `/api/article/${id}`,
			'/api/article?filter=number&sort=-title'][i % 3];
		served += (await wrk(instance.port, target, { seconds: 3 })).total;
	}
	const later = median(privateMemory());
	const growth = later / earlier - 1;
	report(`private memory of a worker over ${served} requests`,
		`${earlier} to ${later} KiB (${(growth * 100).toFixed(1)} %)`, '< 5 %',
		growth < 0.05);
}

async function fairness(id) {
	instance.command('stop');
	instance.environment.WORKERS = '4';
	instance.command('start');
	const clients = await Promise.all(Array.from({ length: CLIENTS }, () =>
		wrk(instance.port, `/api/article/${id}`, { clients: 1, seconds: FAIR_SECONDS })));
	const rates = clients.map((one) => one.rate);
	const ratio = Math.min(...rates) / Math.max(...rates);
	report(`slowest of 16 clients on 4 processes, ${FAIR_SECONDS} s`,
		`${ratio.toFixed(2)} of the fastest (${Math.round(Math.min(...rates))} to ` +
		`${Math.round(Math.max(...rates))} a second)`, '>= 0.5', ratio >= 0.5);
}

function table() {
	const width = Math.max(...results.map((one) => one.what.length));
	console.log('');
	for (const one of results)
		console.log(`${one.what.padEnd(width)}  ${one.bar ? (one.holds ? 'ok   ' : 'BELOW')
			: '     '}  ${one.figures}${one.bar ? `, bar ${one.bar}` : ''}`);
}

/* The floor's plans: the server's own statements, and their variants. */
async function makePlans(folder, id) {
	const known = [id, instance.psql('SELECT reference_id FROM user_account ' +
		`WHERE email = '${mailOf('alice')}'`)];
	const reads = { get: [alice, `/api/article/${id}`],
		get_root: [root, `/api/article/${id}`],
		list: [alice, '/api/article'],
		list_no_total: [alice, '/api/article?page[total]=none'],
		list_root_no_total: [root, '/api/article?page[total]=none'] };
	for (const [name, [client, target]] of Object.entries(reads))
		writePlan(folder, name, await statementsOf(async () =>
			expect(await client.get(target), 200)), known);
	writePlan(folder, 'create', await statementsOf(async () =>
		expect(await alice.post('/api/article', CREATED), 201)), known);
	const hash = instance.psql('SELECT password FROM user_account ' +
		`WHERE email = '${mailOf('alice')}'`);
	fs.writeFileSync(path.join(folder, 'signin.plan'), `C ${PASSWORD.length}\n` +
		`${PASSWORD}\nT ${hash.length}\n${hash}\n`);
}

async function main() {
	instance = await startInstance({ ACTD_HASH_COST: '11', ACTD_LOG_REQUESTS: 'true' });
	({ root, alice } = await settle(instance));
	await root.load('schema_bench.yaml',
		fs.readFileSync(path.join(__dirname, 'schema_bench.yaml'), 'utf8'));
	fill();
	const id = instance.psql('SELECT reference_id FROM article ORDER BY id OFFSET ' +
		`${Math.floor(ROWS / 2)} LIMIT 1`);
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'actd-plans.'));
	fs.chmodSync(folder, 0o755);
	try {
		await makePlans(folder, id);
		const port = await freshPort();
		startFloor(folder, port);
		await sleep(1000);
		for (const name of fs.readdirSync(folder)) {
			const answer = await new Client({ url: `http://127.0.0.1:${port}` })
				.get(`/api/article?plan=${path.basename(name, '.plan')}`);
			expect(answer, 200);
			if (process.env.BENCH_SHOW)
				console.log(name, answer.text.slice(0, 2000));
		}
		await throughput(port, id);
		await besideSlow(id);
		await besideSignIns(id);
		await memory(id);
		for (const child of helpers)
			process.kill(-child.pid);
		await fairness(id);
		table();
	} finally {
		if (!process.env.KEEP_INSTANCE)
			fs.rmSync(folder, { recursive: true, force: true });
	}
	if (process.env.BENCH_STRICT === '1' && results.some((one) => one.bar && !one.holds))
		process.exitCode = 1;
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

main().catch((error) => {
	console.error(error);
	process.exitCode = 1;
	process.exit();
});
