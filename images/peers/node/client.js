// Asks for one path of a server that it has verified, and prints the answer. Exits 0 if that is a success.
// usage: client.js --ca=FILE --cert=FILE --key=FILE --crl=FILE --tls=VERSION --host=NAME --port=PORT --path=PATH
// With --persistent_worker alone it does so again and again, asked as Bazel's persistent workers are in JSON.
'use strict';

const fs = require('fs');
const https = require('https');
const readline = require('readline');

// Resolves to the answer, and rejects where there is none.
function get(words) {
  const { ca, cert, key, crl, tls, host, port, path } = Object.fromEntries(
    words.map((word) => word.match(/^--([a-z]+)=(.*)$/).slice(1)),
  );
  const options = {
    host,
    port,
    path,
    servername: host,
    ca: fs.readFileSync(ca),
    cert: fs.readFileSync(cert),
    key: fs.readFileSync(key),
    agent: false, // each call has a connection and a session of its own
  };
  if (tls) {
    options.minVersion = options.maxVersion = `TLSv${tls}`;
  }
  if (crl) {
    // Of a text with several lists Node reads the first alone.
    options.crl = fs.readFileSync(crl, 'utf8').match(/-----BEGIN X509 CRL-----[^]*?-----END X509 CRL-----/g);
  }
  return new Promise((resolve, reject) => {
    const request = https.get(options, async (response) => {
      try {
        let text = '';
        for await (const part of response.setEncoding('utf8')) {
          text += part;
        }
        if (response.statusCode !== 200) {
          throw new Error(`status ${response.statusCode}`);
        }
        resolve(text);
      } catch (err) {
        reject(err);
      }
    });
    request.on('error', reject);
  });
}

async function answer(words) {
  try {
    return { exitCode: 0, output: await get(words) };
  } catch (err) {
    return { exitCode: 1, output: `client: ${err.message.trim()}` };
  }
}

async function main(words) {
  if (words[0] !== '--persistent_worker') {
    const { exitCode, output } = await answer(words);
    (exitCode === 0 ? process.stdout : process.stderr).write(output);
    process.exitCode = exitCode;
    return;
  }
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { arguments: given, requestId } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify({ ...(await answer(given)), requestId })}\n`);
  }
}

main(process.argv.slice(2));
