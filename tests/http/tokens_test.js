/*
 * tokens_test.js: tokens that must not be believed (A01 to A08), at a door
 * that needs one and at one that ignores bad ones. TOKEN_ROUNDS repeats it
 * all, RACE_NODES asks so many nodes of one database in turn.
 */
'use strict';

const assert = require('node:assert/strict');
const { generateKeyPairSync, createSign } = require('node:crypto');
const { after, before, test: testOnce } = require('node:test');
const { startInstance, startNode } = require('./lib/instance.js');
const { Client, PASSWORD, claimsOf, expect, mailOf, mine, refused, settle } =
	require('./lib/client.js');
const { rawHttp } = require('./lib/raw.js');
const { HS256, encode, forge, sign } = require('./lib/token.js');

const ROUNDS = Number(process.env.TOKEN_ROUNDS || 1);
const NODES = Number(process.env.RACE_NODES || 1);

let nodes;
let instance; /* that is asked now */
let secret;
let alice;
let claims;

before(async () => {
	instance = await startInstance();
	nodes = [instance];
	({ alice } = await settle(instance));
	while (nodes.length < NODES)
		nodes.push(await startNode(nodes[0]));
	secret = instance.tokenSecret();
	claims = claimsOf(alice.token);
});

after(() => nodes?.[0].stop());

function test(name, check) {
	testOnce(name, async () => {
		for (let round = 0; round < ROUNDS; round++)
			for (instance of nodes) {
				alice = new Client(instance, alice.token);
				await check();
			}
	});
}

const now = () => Math.floor(Date.now() / 1000);

/* Such a token is refused where one counts, and doesn't stop a sign-in. */
async function assertRefused(token, why) {
	const bearer = new Client(instance, token);
	const answer = await bearer.get('/api/user_account/mine');
	assert.equal(answer.status, 401, `${why}: ${answer.status} ${answer.text}`);
	refused(answer, 401);
	const list = await bearer.get('/api/world');
	assert.equal(list.status, 401, `${why}: a list takes it for a guest`);
	const again = await bearer.action('user_account', 'signin',
		{ email: mailOf('alice'), password: PASSWORD });
	assert.equal(again.status, 200, `${why}: sign-in: ${again.text}`);
}

async function assertAccepted(token, why) {
	const answer = await new Client(instance, token).get('/api/user_account/mine');
	assert.equal(answer.status, 200, `${why}: ${answer.text}`);
	assert.equal(answer.json.data.id, claims.sub);
}

test('a token signed by hand with the instance\'s key is a token', async () => {
	await assertAccepted(forge(claims, secret), 'forged');
	await assertAccepted(forge(claims, secret,
		{ iat: new Date().toISOString() }), 'textual iat');
});

test('A01: the algorithm none is refused in every spelling', async () => {
	const signature = alice.token.split('.')[2];
	for (const alg of ['none', 'None', 'nOnE', '']) {
		for (const tail of ['', signature, 'AAAA']) {
			const token = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}.${tail}`;
			await assertRefused(token, `alg ${alg}, signature ${tail.slice(0, 5)}`);
		}
	}
});

test('A02: another algorithm is refused, whatever the token says', async () => {
	for (const [alg, digest] of [['HS384', 'sha384'], ['HS512', 'sha512'],
		['HS384', 'sha256'], ['RS256', 'sha256'], ['ES256', 'sha256'],
		['hs256', 'sha256']])
		await assertRefused(sign({ alg, typ: 'JWT' }, claims, secret, digest), alg);
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	const head = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`;
	const signature = createSign('sha256').update(head).sign(privateKey, 'base64url');
	await assertRefused(`${head}.${signature}`, 'a real RS256 signature');
});

test('A03: a public key is no secret', async () => {
	const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	const pem = publicKey.export({ type: 'spki', format: 'pem' });
	await assertRefused(sign(HS256, claims, pem), 'signed with a PEM');
	await assertRefused(sign(HS256, claims, ''), 'signed with nothing');
	await assertRefused(sign(HS256, claims, secret.slice(0, -1)), 'most of the key');
});

test('A04: key hints of the header are not followed', async () => {
	for (const hint of [{ kid: '../../dev/null' }, { kid: '\' or 1=1--' },
		{ jku: 'http://127.0.0.1:9/keys' }, { x5u: 'http://127.0.0.1:9/' },
		{ jwk: { kty: 'oct', k: encode('attacker') } }]) {
		await assertRefused(sign({ ...HS256, ...hint }, claims, 'attacker'),
			JSON.stringify(hint));
		await assertRefused(sign({ ...HS256, ...hint }, claims, ''),
			JSON.stringify(hint));
	}
});

test('A05: times that don\'t hold are refused', async () => {
	const cases = {
		'exp in the past': { exp: now() - 120 },
		'exp missing': { exp: undefined },
		'exp a text': { exp: String(now() + 1000) },
		'exp negative': { exp: -1 },
		'exp null': { exp: null },
		'nbf an hour ahead': { nbf: now() + 3600 },
		'iat an hour ahead': { iat: now() + 3600 },
	};
	for (const [why, changes] of Object.entries(cases))
		await assertRefused(forge(claims, secret, changes), why);
	const huge = JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e308');
	await assertRefused(sign(HS256, huge, secret), 'exp 1e308');
});

test('A06: issuer and subject must be ours', async () => {
	const cases = {
		'another issuer': { iss: 'somebody' },
		'no issuer': { iss: undefined },
		'no subject': { sub: undefined },
		'an array as subject': { sub: [claims.sub] },
		'a subject that is no UUID': { sub: '1 or 1=1' },
		'a number as subject': { sub: 1 },
		'an unknown account': { sub: '00000000-0000-4000-8000-00000000dead' },
		'a lower auth_version': { auth_version: claims.auth_version - 1 },
		'a higher auth_version': { auth_version: claims.auth_version + 1 },
	};
	for (const [why, changes] of Object.entries(cases))
		await assertRefused(forge(claims, secret, changes), why);
	const twice = JSON.stringify(claims).replace(/}$/,
		',"sub":"00000000-0000-4000-8000-00000000dead"}');
	await assertRefused(sign(HS256, twice, secret), 'sub twice');
	const first = JSON.stringify(claims).replace(/^{/,
		'{"exp":1,');
	await assertRefused(sign(HS256, first, secret), 'exp twice');
});

test('A07: a token that is cut, padded or not base64url is refused', async () => {
	const [head, body, signature] = alice.token.split('.');
	const cases = {
		'five dots': `${alice.token}...`,
		'four parts': `${alice.token}.${signature}`,
		'no signature': `${head}.${body}.`,
		'two parts': `${head}.${body}`,
		'signature cut': alice.token.slice(0, -4),
		'one letter more': `${alice.token}A`,
		'padded': `${alice.token}=`,
		'other alphabet': `${head}.${body}.+/${signature.slice(2)}`,
		'a blank inside': `${head}.${body} .${signature}`,
		'text after it': `${alice.token} x`,
		'text': 'token',
		'a dot': '.',
	};
	for (const [why, token] of Object.entries(cases))
		await assertRefused(token, why);
});

test('A07: an Authorization of 9 KiB, 64 KiB, 1 MiB is refused quickly', async () => {
	for (const size of [9, 64, 1024]) {
		const began = Date.now();
		const answer = await rawHttp(instance, [
			'GET /api/user_account/mine HTTP/1.1', 'Host: localhost',
			`Authorization: Bearer ${'a'.repeat(size * 1024)}`]);
		assert.ok([400, 401, 431, 494, 0].includes(answer.status),
			`${size} KiB: ${answer.status}`);
		assert.ok(Date.now() - began < 1000, `${size} KiB took long`);
	}
	expect(await alice.get('/api/user_account/mine'), 200);
});

test('A08: two Authorization headers are refused', async () => {
	for (const second of [alice.token, 'null', 'x.y.z']) {
		const answer = await rawHttp(instance, [
			'GET /api/user_account/mine HTTP/1.1', 'Host: localhost',
			`Authorization: Bearer ${alice.token}`,
			`Authorization: Bearer ${second}`]);
		assert.equal(answer.status, 400, answer.body);
	}
});

test('A08: a token in the query string is not read', async () => {
	const guest = new Client(instance);
	const answer = await guest.get(`/api/user_account/mine?token=${alice.token}`);
	assert.notEqual(answer.status, 200);
});

test('A08: the header wins over a cookie that disagrees', async () => {
	const bad = new Client(instance, forge(claims, secret, { exp: 1 }));
	const headers = { cookie: `token=${alice.token}`,
		'sec-fetch-site': 'same-origin' };
	refused(await bad.get('/api/user_account/mine', { headers }), 401);
	const good = await alice.get('/api/user_account/mine',
		{ headers: { ...headers, cookie: `token=${bad.token}` } });
	expect(good, 200);
});

test('a cookie counts for requests of the same origin only', async () => {
	const guest = new Client(instance);
	const cookie = `token=${alice.token}`;
	const own = await guest.get('/api/user_account/mine',
		{ headers: { cookie, 'sec-fetch-site': 'same-origin' } });
	expect(own, 200);
	const id = own.json.data.id;
	for (const foreign of [{ 'sec-fetch-site': 'cross-site' },
		{ origin: 'https://evil.example' }, { origin: 'null' }]) {
		const answer = await guest.patch(`/api/user_account/${id}`,
			{ data: { type: 'user_account', id, attributes: { name: 'evil' } } },
			{ headers: { cookie, ...foreign } });
		refused(answer, 401, 403, 404);
	}
	assert.notEqual((await mine(alice)).attributes.name, 'evil');
});

test('the clients\' words for no token make a guest', async () => {
	for (const words of ['Bearer', 'Bearer ', 'Bearer null', 'Bearer undefined']) {
		const guest = new Client(instance);
		const headers = { authorization: words };
		expect(await guest.get('/api/world', { headers }), 200);
		expect(await guest.get('/meta?query=column_types', { headers }), 200);
	}
});

test('discovery answers callers with a stale token', async () => {
	const stale = new Client(instance, forge(claims, secret, { exp: 1 }));
	for (const target of ['/meta?query=column_types', '/jsmodel/user_account.js',
		'/actions', '/health'])
		expect(await stale.get(target), 200);
});

test('claims are read, not the letters of the header', async () => {
	const token = sign({ typ: 'JWT', alg: 'HS256' }, claims, secret);
	await assertAccepted(token, 'members in another order');
});
