/*
 * bench.js: measures the server and the floor in turns on one instance and
 * prints ratios, so that the machine's mood is in neither of them.
 */
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { startInstance } = require('../http/lib/instance.js');
const { Client, PASSWORD, expect, mailOf, settle } = require('../http/lib/client.js');
const rounds = require('./rounds.js');
const { ROUNDS, SECONDS, compare, median, report, sleep } = rounds;
const { freshPort, startFloor, statementsOf, stopHelpers, writePlan } = require('./plans.js');

const FAIR_SECONDS = Number(process.env.BENCH_FAIR_SECONDS || 60);
/* A check of a password takes a tenth of a second. */
const SIGN_IN_SECONDS = Math.max(SECONDS, 8);
const ROWS = Number(process.env.BENCH_ROWS || 10000);
const MEMORY_REQUESTS = Number(process.env.BENCH_MEMORY_REQUESTS || 100000);
const CLIENTS = 16; /* of those that compete */

let instance;
let alice;
let root;

/* As alice, unless said otherwise. */
const wrk = (port, target, options = {}) =>
	rounds.wrk(port, target, { client: alice, ...options });

/* ROWS of them, each by one of 200 authors and on two of 50 topics. */
function fillBooks() {
	const owned = (table, columns, values, count) =>
		instance.psql(`INSERT INTO ${table} (permission, user_account_id, ${columns}) ` +
			`SELECT 16256, a.id, ${values} FROM generate_series(1, ${count}) n, ` +
			`user_account a WHERE a.email = '${mailOf('alice')}'`);
	owned('author', 'name', '\'Author \' || n', 200);
	owned('topic', 'name', '\'Topic \' || n', 50);
	owned('book', 'created_at, title, quantity, kind, author_id', 'now() - n * interval ' +
		'\'1 second\', \'Book \' || n, n % 100, \'kind \' || n % 7, n % 200 + 1', ROWS);
	for (const step of [0, 17])
		instance.psql('INSERT INTO book_book_id_has_topic_topic_id (book_id, topic_id, ' +
			`permission) SELECT id, (id + ${step}) % 50 + 1, 2097151 FROM book`);
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
	fillBooks();
	instance.psql('CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS ' +
		'\'BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END\'');
	instance.psql('CREATE TRIGGER pause BEFORE UPDATE ON slow ' +
		'FOR EACH ROW EXECUTE FUNCTION pause()');
	instance.psql('ANALYZE');
}

const CREATED = JSON.stringify({ data: { type: 'article', attributes: {
	title: 'A new article', body: 'Some words', quantity: 3, price: '1.25',
	kind: 'kind 1', done: true, made_at: '2024-01-01T00:00:00Z' } } });

/* One row of many, as it is chosen for each request. */
const UPDATED = JSON.stringify({ data: { type: 'article', id: 'some-row', attributes: {
	title: 'Another title', quantity: 4 } } });

/* Reads of more than a row or a page, by the names of their plans. */
const SHAPES = {
	list_of_100_rows: '/api/article?page[size]=100',
	list_with_two_includes: '/api/book?included_relations=author_id,topic_id',
	filter_over_a_relation: `/api/book?query=${encodeURIComponent(JSON.stringify(
		[{ column: 'author_id.name', operator: 'is', value: 'Author 7' }]))}`,
	aggregate_with_group: '/aggregate/book?group=kind&column=kind,count,sum(quantity)',
};

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

async function throughput(port, id, ids) {
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
	for (const [name, target] of Object.entries(SHAPES))
		await compare(name.replaceAll('_', ' '), 0.75,
			() => wrk(instance.port, target),
			() => wrk(port, `/api/book?plan=${name}`));
	await compare('update of one row', 0.75,
		() => wrk(instance.port, '/api/article/some-row', { method: 'PATCH', body: UPDATED, ids }),
		() => wrk(port, '/api/article?plan=update', { method: 'PATCH', body: UPDATED, ids }));
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

async function memory(id) {
	await wrk(instance.port, '/api/article?page[size]=100', { seconds: 2 });
	await wrk(instance.port, `/api/article/${id}`, { seconds: 2 });
	const earlier = median(rounds.privateMemory(instance));
	let served = 0;
	for (let i = 0; served < MEMORY_REQUESTS; i++) {
		const target = ['/api/article', `/api/article/${id}`,
			'/api/article?filter=number&sort=-title'][i % 3];
		served += (await wrk(instance.port, target, { seconds: 3 })).total;
	}
	const later = median(rounds.privateMemory(instance));
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

/* The floor's plans: the server's own statements, and their variants. */
async function makePlans(folder, id, ids) {
	const known = [id, instance.psql('SELECT reference_id FROM user_account ' +
		`WHERE email = '${mailOf('alice')}'`)];
	const reads = { get: [alice, `/api/article/${id}`],
		get_root: [root, `/api/article/${id}`],
		list: [alice, '/api/article'],
		list_no_total: [alice, '/api/article?page[total]=none'],
		list_root_no_total: [root, '/api/article?page[total]=none'],
		...Object.fromEntries(Object.entries(SHAPES).map(([name, target]) =>
			[name, [alice, target]])) };
	for (const [name, [client, target]] of Object.entries(reads))
		writePlan(folder, name, await statementsOf(instance, async () =>
			expect(await client.get(target), 200)), known);
	writePlan(folder, 'create', await statementsOf(instance, async () =>
		expect(await alice.post('/api/article', CREATED), 201)), known);
	writePlan(folder, 'update', await statementsOf(instance, async () =>
		expect(await alice.patch(`/api/article/${ids[0]}`,
			UPDATED.replace('some-row', ids[0])), 200)), known, ids);
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
	const ids = instance.psql('SELECT reference_id FROM article ORDER BY id LIMIT 200')
		.split('\n');
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'actd-plans.'));
	fs.chmodSync(folder, 0o755);
	try {
		await makePlans(folder, id, ids);
		const port = await freshPort();
		startFloor(instance, folder, port);
		await sleep(1000);
		for (const name of fs.readdirSync(folder)) {
			const answer = await new Client({ url: `http://127.0.0.1:${port}` })
				.get(`/api/article?plan=${path.basename(name, '.plan')}`);
			expect(answer, 200);
			if (process.env.BENCH_SHOW)
				console.log(name, answer.text.slice(0, 2000));
		}
		await throughput(port, id, ids);
		await besideSlow(id);
		await besideSignIns(id);
		await memory(id);
		stopHelpers();
		await fairness(id);
		rounds.finish();
	} finally {
		if (!process.env.KEEP_INSTANCE)
			fs.rmSync(folder, { recursive: true, force: true });
	}
}

main().catch((error) => {
	console.error(error);
	process.exitCode = 1;
	process.exit();
});
