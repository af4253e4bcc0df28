/*
 * token.js: JSON web tokens made by hand, right and wrong ones.
 */
'use strict';

const { createHmac, randomUUID } = require('node:crypto');

function encode(value) {
	const text = typeof value === 'string' ? value : JSON.stringify(value);
	return Buffer.from(text).toString('base64url');
}

/* `header` and `claims` are objects, or JSON text sent as it is. */
function sign(header, claims, secret, digest = 'sha256') {
	const head = `${encode(header)}.${encode(claims)}`;
	return `${head}.${createHmac(digest, secret).update(head).digest('base64url')}`;
}

const HS256 = { alg: 'HS256', typ: 'JWT' };

/* A token as the server makes it, with some claims changed; undefined: none. */
function forge(claims, secret, changes = {}) {
	return sign(HS256, { ...claims, jti: randomUUID(), ...changes }, secret);
}

module.exports = { encode, sign, forge, HS256 };
