// The npm package ocpp-rpc in strict mode, put to use as its users do, and led by a test.
//
// Commands come on stdin and events leave on stdout, one JSON object a line. Knows nothing of ocpp_trio;
// `../asyncio_peer.py` speaks the same.

'use strict';

const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const readline = require('node:readline');
const { NOREPLY, RPCClient, RPCServer, createRPCError } = require('ocpp-rpc');

const STRICT = { protocols: ['ocpp1.6'], strictMode: true };
const ends = new Map();
let server = null;
let listener = null;

/** Say what happened, on one line and at once. */
function tell(event, what = {}) {
    process.stdout.write(JSON.stringify({ event, ...what }) + '\n');
}

function now() {
    return new Date().toISOString();
}

/** What a test may ask of a handler: to be silent, to fail, to refuse, to answer what the schema forbids. */
function misbehave(wish) {
    if (wish === 'Silent') return NOREPLY;
    if (wish === 'Boom') throw new Error('this handler has a bug');
    if (wish === 'Secret') throw createRPCError('SecurityError', 'that is not for you', { level: 3 });
    return { status: wish === 'Liar' ? 'Perhaps' : 'Accepted' };
}

/** What follows an answer: a handler's reply leaves before the next turn of the loop. */
function afterwards(task) {
    setImmediate(() => task().catch((failure) => tell('failed', { do: 'afterwards', detail: String(failure) })));
}

/** What a station of this package answers, and what it does of itself then. */
function beStation(station) {
    let transactionId = 0;
    station.handle('ChangeConfiguration', ({ params }) => misbehave(params.key));
    station.handle('GetConfiguration', ({ params }) => {
        const wanted = params.key ?? ['HeartbeatInterval'];
        const unknown = wanted.filter((name) => name !== 'HeartbeatInterval');
        const known = { key: 'HeartbeatInterval', readonly: false, value: '300' };
        return {
            ...(unknown.length < wanted.length && { configurationKey: [known] }),
            ...(unknown.length && { unknownKey: unknown }),
        };
    });
    station.handle('TriggerMessage', ({ params }) => {
        afterwards(() => station.call(params.requestedMessage, {}));
        return { status: 'Accepted' };
    });
    station.handle('RemoteStartTransaction', ({ params: { idTag, connectorId = 1 } }) => {
        afterwards(async () => {
            await station.call('Authorize', { idTag });
            const start = { connectorId, idTag, meterStart: 100, timestamp: now() };
            ({ transactionId } = await station.call('StartTransaction', start));
            tell('charging', { identity: station.identity, transactionId });
        });
        return { status: 'Accepted' };
    });
    station.handle('RemoteStopTransaction', ({ params }) => {
        if (params.transactionId !== transactionId) return { status: 'Rejected' };
        afterwards(() => station.call('StopTransaction', {
            meterStop: 700, timestamp: now(), transactionId, reason: 'Remote',
        }));
        return { status: 'Accepted' };
    });
    station.handle('Reset', () => {
        afterwards(() => station.close({ code: 1001, reason: 'resetting' }));
        return { status: 'Accepted' };
    });
}

/** What a CSMS of this package answers. */
function beCsms(client) {
    let transactions = 0;
    client.handle('BootNotification', () => ({ currentTime: now(), interval: 300, status: 'Accepted' }));
    client.handle('Heartbeat', () => ({ currentTime: now() }));
    client.handle('Authorize', ({ params }) => ({
        idTagInfo: { status: params.idTag === 'THIEF' ? 'Blocked' : 'Accepted' },
    }));
    client.handle('StatusNotification', () => ({}));
    client.handle('StartTransaction', () => ({ transactionId: ++transactions, idTagInfo: { status: 'Accepted' } }));
    client.handle('MeterValues', () => ({}));
    client.handle('StopTransaction', () => ({ idTagInfo: { status: 'Accepted' } }));
    client.handle('DataTransfer', ({ params }) => misbehave(params.vendorId));
}

/** Tell everything that happens at one end of a connection. */
function follow(identity, end) {
    ends.set(identity, end);
    end.on('message', ({ message, outbound }) => tell('frame', { identity, sent: outbound, text: String(message) }));
    end.on('close', ({ code, reason }) => tell('closed', { identity, code, reason: String(reason) }));
    end.on('badMessage', ({ error }) => tell('complaint', { identity, detail: String(error) }));
    end.on('strictValidationFailure', ({ error, outbound }) => {
        tell('complaint', { identity, detail: String(error), outbound });
    });
}

const commands = {
    /** Be a CSMS. With a certificate it is for wss, with a password for Basic authentication. */
    async serve({ port = 0, cert, key, password }) {
        server = new RPCServer(STRICT);
        if (password) {
            const secret = Buffer.from(password, 'hex');
            server.auth((accept, reject, handshake) => {
                if (handshake.password && secret.equals(handshake.password)) accept();
                else reject(401, 'Unauthorized');
            });
        }
        server.on('client', (client) => {
            beCsms(client);
            follow(client.identity, client);
            tell('open', { identity: client.identity, subprotocol: client.protocol });
        });
        if (cert) {
            listener = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });
            listener.on('upgrade', server.handleUpgrade);
            await new Promise((resolve) => listener.listen(port, '127.0.0.1', resolve));
        } else {
            listener = await server.listen(port, '127.0.0.1');
        }
        tell('listening', { port: listener.address().port });
    },

    /** Serve no more. */
    async stop() {
        await server.close();
        listener.close();
        tell('stopped');
    },

    /** Be a station. */
    async connect({ identity, url, ca, password }) {
        const station = new RPCClient({
            ...STRICT,
            identity,
            endpoint: url.slice(0, url.lastIndexOf('/')),
            reconnect: false,
            password: password ? Buffer.from(password, 'hex') : null,
            wsOpts: ca ? { ca: fs.readFileSync(ca) } : {},
        });
        beStation(station);
        follow(identity, station);
        try {
            await station.connect();
        } catch (error) {
            tell('refused', { identity, status: Number.isInteger(error.code) ? error.code : null, detail: String(error) });
            return;
        }
        tell('open', { identity, subprotocol: station.protocol });
    },

    /** Make a call through the package, which checks both payloads against the schemas. */
    async call({ identity, action, payload }) {
        try {
            tell('answer', { identity, payload: await ends.get(identity).call(action, payload) });
        } catch (error) {
            const { rpcErrorCode: code, message: description, details } = error;
            tell('error', { identity, code: code ?? null, description, details });
        }
    },

    /** Send what the package would not. */
    async send({ identity, text }) {
        ends.get(identity).sendRaw(text);
    },

    async ping({ identity }) {
        const end = ends.get(identity);
        const pong = once(end, 'ping'); // which the package emits when the pong has come
        end._ws.ping(); // not by a short interval: that is its patience with the pong too
        await pong;
        tell('pong', { identity });
    },

    async close({ identity, code = 1000, reason = '' }) {
        await ends.get(identity).close({ code, reason });
    },
};

tell('hello', {
    versions: { 'ocpp-rpc': require('ocpp-rpc/package.json').version, node: process.versions.node },
});
const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
    const { do: name, ...given } = JSON.parse(line);
    commands[name](given).catch((failure) => tell('failed', { do: name, detail: String(failure) }));
});
lines.on('close', () => process.exit(0));
