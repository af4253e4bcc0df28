/*
 * raw.js: bytes that no proper client sends: HTTP over a bare socket, and
 * FastCGI records straight to a pool's unix socket.
 */
'use strict';

const net = require('node:net');

/*
 * Sends the pieces (text or bytes) to `where` (a port or a socket's path) and
 * collects what comes back until the other side closes or `milliseconds` are
 * over. Never rejects: a reset connection is an answer too.
 */
function exchange(where, pieces, { milliseconds = 3000, end = false } = {}) {
	return new Promise((resolve) => {
		const target = typeof where === 'number'
			? { host: '127.0.0.1', port: where } : { path: where };
		const socket = net.connect(target);
		const chunks = [];
		let closed = false;
		const finish = () => {
			clearTimeout(timer);
			socket.destroy();
			resolve({ bytes: Buffer.concat(chunks), closed });
		};
		const timer = setTimeout(finish, milliseconds);
		socket.on('data', (chunk) => chunks.push(chunk));
		socket.on('error', () => { closed = true; });
		socket.on('close', () => { closed = true; finish(); });
		socket.on('connect', () => {
			for (const piece of pieces)
				socket.write(piece);
			if (end)
				socket.end();
		});
	});
}

/* One HTTP answer in bytes, in parts. */
function parseHttp(bytes) {
	const text = bytes.toString('latin1');
	const gap = text.indexOf('\r\n\r\n');
	const [first, ...lines] = text.slice(0, gap < 0 ? undefined : gap).split('\r\n');
	const headers = {};
	for (const line of lines) {
		const colon = line.indexOf(':');
		headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
	}
	return { status: Number(first.split(' ')[1]) || 0, headers,
		body: gap < 0 ? '' : text.slice(gap + 4) };
}

/* Lines of a request, `Connection: close` and the end of the head included. */
async function rawHttp(instance, lines, body = '', options) {
	const head = [...lines, 'Connection: close', '', ''].join('\r\n');
	const { bytes } = await exchange(instance.port, [head, body], options);
	return parseHttp(bytes);
}

const FASTCGI = { BEGIN: 1, ABORT: 2, END: 3, PARAMS: 4, STDIN: 5, STDOUT: 6 };

/* A record; `length` and `padding` may lie about what follows. */
function record(type, content = Buffer.alloc(0),
	{ id = 1, length = content.length, padding = 0, version = 1 } = {}) {
	const head = Buffer.alloc(8);
	head[0] = version;
	head[1] = type;
	head.writeUInt16BE(id, 2);
	head.writeUInt16BE(length, 4);
	head[6] = padding;
	return Buffer.concat([head, content, Buffer.alloc(padding)]);
}

function begin({ role = 1, flags = 0, id = 1 } = {}) {
	const content = Buffer.alloc(8);
	content.writeUInt16BE(role, 0);
	content[2] = flags;
	return record(FASTCGI.BEGIN, content, { id });
}

function lengthOf(size) {
	if (size < 128)
		return Buffer.from([size]);
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE((size | 0x80000000) >>> 0);
	return bytes;
}

/* The name-value pairs of a PARAMS stream. */
function pairs(variables) {
	const parts = [];
	for (const [name, value] of Object.entries(variables)) {
		const [n, v] = [Buffer.from(name), Buffer.from(value)];
		parts.push(lengthOf(n.length), lengthOf(v.length), n, v);
	}
	return Buffer.concat(parts);
}

/* What nginx would send for a plain request. */
function variablesOf(method, uri, more = {}) {
	return { GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: method,
		REQUEST_URI: uri, DOCUMENT_URI: uri.split('?')[0],
		SCRIPT_NAME: uri.split('?')[0],
		QUERY_STRING: uri.split('?')[1] ?? '', SERVER_PROTOCOL: 'HTTP/1.1',
		REMOTE_ADDR: '127.0.0.1', HTTP_HOST: 'localhost', CONTENT_LENGTH: '',
		CONTENT_TYPE: '', ...more };
}

/* The text of the STDOUT records of an answer. */
function standardOutput(bytes) {
	const parts = [];
	let at = 0;
	while (at + 8 <= bytes.length) {
		const length = bytes.readUInt16BE(at + 4);
		if (bytes[at + 1] === FASTCGI.STDOUT)
			parts.push(bytes.subarray(at + 8, at + 8 + length));
		at += 8 + length + bytes[at + 6];
	}
	return Buffer.concat(parts).toString('utf8');
}

module.exports = { exchange, parseHttp, rawHttp, FASTCGI, record, begin, pairs,
	variablesOf, standardOutput };
