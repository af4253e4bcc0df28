/*
 * client.js: what the tests say to an instance: requests, actions, accounts,
 * schemas. A client is one caller; without a token it is a guest.
 */
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { REPOSITORY } = require('./instance.js');

const JSON_API = 'application/vnd.api+json';
const PASSWORD = 'correct horse';
const NOWHERE = '00000000-0000-4000-8000-00000000dead';

class Client {
	constructor(instance, token) {
		this.instance = instance;
		this.token = token;
	}

	/*
	 * `body` may be text or bytes, sent as they are, or anything else, sent
	 * as JSON. The answer: status, headers, text, and json if it is any.
	 */
	async request(method, target, { body, type, headers = {} } = {}) {
		const sent = { ...headers };
		const raw = typeof body === 'string' || body instanceof Uint8Array;
		if (this.token && !('authorization' in sent))
			sent.authorization = `Bearer ${this.token}`;
		if (body !== undefined)
			sent['content-type'] = type ?? JSON_API;
		if (sent['content-type'] === '')
			delete sent['content-type'];
		const response = await fetch(this.instance.url + target, {
			method,
			headers: sent,
			body: body === undefined || raw ? body : JSON.stringify(body),
			redirect: 'manual',
		});
		const text = await response.text();
		let json;
		try {
			json = JSON.parse(text);
		} catch {
			json = undefined;
		}
		return { status: response.status, headers: response.headers, text, json,
			asked: `${method} ${target}`, sent: body ?? '' };
	}

	get(target, options) {
		return this.request('GET', target, options);
	}

	post(target, body, options) {
		return this.request('POST', target, { body, ...options });
	}

	patch(target, body, options) {
		return this.request('PATCH', target, { body, ...options });
	}

	delete(target, body, options) {
		return this.request('DELETE', target, { body, ...options });
	}

	create(entity, attributes, relationships) {
		return this.post(`/api/${entity}`, {
			data: { type: entity, attributes, relationships },
		});
	}

	/* Creates a row that must be accepted; its resource object. */
	async made(entity, attributes, relationships) {
		const answer = await this.create(entity, attributes, relationships);
		return expect(answer, 201).json.data;
	}

	update(entity, id, attributes, relationships) {
		return this.patch(`/api/${entity}/${id}`, {
			data: { type: entity, id, attributes, relationships },
		});
	}

	action(entity, name, attributes = {}, members = {}) {
		return this.request('POST', `/action/${entity}/${name}`, {
			body: { attributes, ...members },
			type: 'application/json',
		});
	}

	async upload(name, text, members) {
		const answer = await this.action('world', 'upload_system_schema',
			{ schema_file: [fileOf(name, text)] }, members);
		return { ...answer, sent: text };
	}

	/* Uploads a schema that must be accepted. */
	async load(name, text) {
		return expect(await this.upload(name, text), 200);
	}
}

/* A file as Daptin's clients send it. */
function fileOf(name, content, type = 'application/octet-stream') {
	const data = Buffer.from(content).toString('base64');
	return { name, file: `data:${type};base64,${data}`, type };
}

/* The answer, if its status is (one of) the given; shows it if not. */
function expect(answer, ...statuses) {
	assert.ok(statuses.includes(answer.status),
		`${answer.asked}: expected ${statuses.join(' or ')}, got ` +
		`${answer.status}: ${answer.text.slice(0, 800)}`);
	return answer;
}

const LEAKS = /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\s|\bpg_\w+|libpq|PQ[a-z]+|violates (check|unique|not-null|foreign)|relation "|syntax error at|\/(etc|tmp|usr|var|home|root)\/|SQLSTATE/g;

/* Nothing of our insides is in the answer; a client's own words may be. */
function assertTight(answer) {
	const own = typeof answer.sent === 'string' ? answer.sent
		: Buffer.from(JSON.stringify(answer.sent)).toString();
	let asked = answer.asked;
	try {
		asked = decodeURIComponent(asked);
	} catch {
		/* bad escapes are what some tests send */
	}
	for (const [leak] of answer.text.matchAll(LEAKS))
		assert.ok(own.includes(leak) || asked.includes(leak),
			`${answer.asked} shows ${leak}: ${answer.text}`);
}

/*
 * A refusal as rule R1 and R4 want it: one of the statuses, a JSON:API error
 * body (or Daptin's array on /action), and nothing of our insides.
 */
function refused(answer, ...statuses) {
	expect(answer, ...statuses);
	if (/ \/action\//.test(answer.asked)) {
		assert.ok(Array.isArray(answer.json), answer.text);
		assert.ok(answer.json.length >= 1, answer.text);
		for (const item of answer.json) {
			assert.equal(item.ResponseType, 'client.notify', answer.text);
			assert.equal(item.Attributes.type, 'error', answer.text);
			assert.equal(item.Attributes.title, 'failed', answer.text);
			assert.ok(item.Attributes.message, answer.text);
		}
	} else {
		assert.ok(Array.isArray(answer.json?.errors),
			`${answer.asked}: no errors member: ${answer.text.slice(0, 400)}`);
		assert.ok(answer.json.errors.length >= 1, answer.text);
		for (const error of answer.json.errors) {
			assert.equal(error.status, String(answer.status), answer.text);
			assert.ok(error.title, answer.text);
		}
	}
	assertTight(answer);
	return answer;
}

/* Texts of the messages of an action's answer. */
function messages(answer) {
	return answer.json.map((item) => item.Attributes?.message ?? '').join('\n');
}

/* The value of the item `type` of an action's answer. */
function item(answer, type) {
	const found = answer.json.find((entry) => entry.ResponseType === type);
	assert.ok(found, `no ${type} in ${answer.text}`);
	return found.Attributes;
}

function mailOf(name) {
	return `${name}@example.com`;
}

function signUp(client, name, password = PASSWORD, email = mailOf(name)) {
	return client.action('user_account', 'signup',
		{ name, email, password, passwordConfirm: password });
}

/* A client with the token of an account that exists. */
async function signIn(instance, name, password = PASSWORD) {
	const answer = await new Client(instance).action('user_account', 'signin',
		{ email: mailOf(name), password });
	return new Client(instance, item(expect(answer, 200), 'client.store.set').value);
}

/* Signs up as a guest, or as `by` where that is closed, and signs in. */
async function member(instance, name, by = new Client(instance)) {
	expect(await signUp(by, name), 200);
	return signIn(instance, name);
}

/*
 * An instance past its first minute: guest, two plain users `alice` and `bob`,
 * and `root`, who has locked it down.
 */
async function settle(instance) {
	const people = { guest: new Client(instance) };
	for (const name of ['root', 'alice', 'bob'])
		people[name] = await member(instance, name);
	expect(await people.root.action('world', 'become_an_administrator'), 200);
	return people;
}

/* The claims of a token, not verified. */
function claimsOf(token) {
	return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}

/* The caller's own account, as a resource object. */
async function mine(client) {
	return expect(await client.get('/api/user_account/mine'), 200).json.data;
}

/* The resource object of the row of `entity` that describes the table. */
async function worldRow(root, table) {
	const query = encodeURIComponent(JSON.stringify(
		[{ column: 'table_name', operator: 'is', value: table }]));
	const answer = expect(await root.get(`/api/world?query=${query}`), 200);
	assert.equal(answer.json.data.length, 1, answer.text);
	return answer.json.data[0];
}

function schemaFile(name) {
	return fs.readFileSync(path.join(__dirname, '../schemas', name), 'utf8');
}

/* Folder of real packages, if there is one beside the tree; else null. */
function marketFolder() {
	const folders = [process.env.ACTD_MARKET,
		path.join(REPOSITORY, 'tests/market'),
		path.join(REPOSITORY, '../shared/market')];
	return folders.find((folder) => folder && fs.existsSync(folder)) ?? null;
}

/* [{name, text}] of the schema files of a package of the market. */
function packageFiles(name) {
	const folder = path.join(marketFolder(), name);
	return fs.readdirSync(folder)
		.filter((file) => file.startsWith('schema_'))
		.map((file) => ({ name: file,
			text: fs.readFileSync(path.join(folder, file), 'utf8') }));
}

module.exports = { Client, PASSWORD, NOWHERE, JSON_API, fileOf, expect, refused,
	messages, item, mailOf, signUp, signIn, member, settle, claimsOf, mine,
	worldRow, schemaFile, marketFolder, packageFiles };
