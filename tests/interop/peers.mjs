// Signs and verifies with other people's programs: jobs come as one JSON document, answers leave as another.
// Nothing is fetched: contexts, keys and status lists are those that stand in the document.
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import * as digitalBazaar from '@digitalbazaar/vc';
import * as eddsaJcs from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as ecdsaJcs from '@digitalbazaar/ecdsa-jcs-2019-cryptosuite';
import {CompactSign, compactVerify, importJWK} from 'jose';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {DataIntegrityProof as DccProof} from '@digitalcredentials/data-integrity';
import {Ed25519Signature2018} from '@digitalbazaar/ed25519-signature-2018';
import {Ed25519Signature2020} from '@digitalbazaar/ed25519-signature-2020';
import {Ed25519Signature2020 as DccSignature2020} from '@digitalcredentials/ed25519-signature-2020';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {cryptosuite as dccEddsaRdfc} from '@digitalcredentials/eddsa-rdfc-2022-cryptosuite';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as dcc from '@digitalcredentials/vc';
import {readFileSync, writeFileSync} from 'node:fs';
import {securityLoader} from '@digitalcredentials/security-document-loader';
import {verifyCredential as dccVerifies} from '@digitalcredentials/verifier-core';

const [, , input, output] = process.argv;
const {documents, jobs} = JSON.parse(readFileSync(input, 'utf8'));

globalThis.fetch = async asked => {
  const url = typeof asked === 'string' ? asked : asked.url;
  if(!(url in documents)) {
    return new Response('{}', {status: 404, headers: {'content-type': 'application/json'}});
  }
  return new Response(JSON.stringify(documents[url]), {headers: {'content-type': 'application/json'}});
};

// Some suites want a key in a form of their own, which comes with the job.
const loaderOf = job => async url => {
  const document = job.documents?.[url] ?? documents[url];
  if(document === undefined) {
    throw new Error(`${url} is not at hand`);
  }
  return {contextUrl: null, documentUrl: url, document};
};

const dccLoader = securityLoader().build();

const SIGN_OR_VERIFY = {
  'eddsa-rdfc-2022': [eddsaRdfc, eddsaRdfc],
  'ecdsa-rdfc-2019': [ecdsaRdfc, ecdsaRdfc],
  'eddsa-jcs-2022': [eddsaJcs.createSignCryptosuite(), eddsaJcs.createVerifyCryptosuite()],
  'ecdsa-jcs-2019': [ecdsaJcs.createSignCryptosuite(), ecdsaJcs.createVerifyCryptosuite()]
};

async function signerOf({jwk, method, controller}) {
  const Multikey = jwk.kty === 'OKP' ? Ed25519Multikey : EcdsaMultikey;
  return (await Multikey.fromJwk({jwk, secretKey: true, id: method, controller})).signer();
}

async function digitalBazaarSuite(job) {
  const signing = job.do === 'sign';
  const signer = signing ? await signerOf(job) : undefined;
  if(job.suite === 'Ed25519Signature2020') {
    return new Ed25519Signature2020({signer});
  }
  if(job.suite === 'Ed25519Signature2018') {
    return new Ed25519Signature2018({signer});
  }
  return new DataIntegrityProof({signer, cryptosuite: SIGN_OR_VERIFY[job.suite][signing ? 0 : 1]});
}

function said({verified, error}) {
  return {accepted: verified, why: verified ? null : `${error?.errors?.[0]?.message ?? error?.message}`};
}

const PEERS = {
  digitalbazaar: {
    sign: async job => digitalBazaar.issue({
      credential: job.document, suite: await digitalBazaarSuite(job), documentLoader: loaderOf(job)
    }),
    async verify(job) {
      const common = {suite: await digitalBazaarSuite(job), documentLoader: loaderOf(job)};
      // The list is always proved by eddsa-rdfc-2022, whatever the badge is proved by.
      const ofList = {...common, suite: new DataIntegrityProof({cryptosuite: eddsaRdfc})};
      return said(await digitalBazaar.verifyCredential({
        credential: job.document, ...common,
        checkStatus: ({credential}) => checkStatus({
          credential, ...ofList, verifyBitstringStatusListCredential: true
        })
      }));
    }
  },
  dcc: {
    async sign(job) {
      const signer = await signerOf(job);
      const suite = job.suite === 'Ed25519Signature2020' ?
        new DccSignature2020({signer}) : new DccProof({signer, cryptosuite: dccEddsaRdfc});
      return dcc.issue({credential: job.document, suite, documentLoader: dccLoader});
    },
    async verify({document}) {
      const {log, errors} = await dccVerifies({credential: document, knownDIDRegistries: []});
      const steps = Object.fromEntries((log ?? []).map(each => [each.id, each.error ? each.error.name : each.valid]));
      const asked = ['valid_signature', 'expiration', ...(document.credentialStatus ? ['revocation_status'] : [])];
      const accepted = !errors && asked.every(each => steps[each] === true);
      return {accepted, why: accepted ? null : JSON.stringify(errors?.map(each => each.message) ?? steps)};
    }
  },
  jose: {
    async sign({header, payload, jwk}) {
      const signing = new CompactSign(new TextEncoder().encode(JSON.stringify(payload)));
      return signing.setProtectedHeader(header).sign(await importJWK(jwk, header.alg));
    },
    async verify({token, jwk: {kty, crv, x, y, n, e}, header: {alg}}) {
      await compactVerify(token, await importJWK({kty, crv, x, y, n, e}, alg), {algorithms: [alg]});
      return {accepted: true, why: null};
    }
  }
};

const answers = [];
for(const job of jobs) {
  try {
    answers.push(await PEERS[job.peer][job.do](structuredClone(job)));
  } catch(error) {
    answers.push(job.do === 'verify' ? {accepted: false, why: error.message} : {failed: error.message});
  }
}
writeFileSync(output, JSON.stringify(answers));
