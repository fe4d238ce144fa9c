"""Projects of any size for the benchmarks: all five resource kinds, one manifest a document, 50 documents a file."""

from __future__ import annotations

from pathlib import Path

PER_FILE = 50

PROJECT = """\
apiVersion: cxone.reconciler/v1
kind: Project
metadata:
  name: bench
spec:
  manifests: [manifests]
  targets:
    local:
      url: {url}
      auth:
        clientId: local
        clientSecret: ${{secret:file:secret.txt}}
"""

DATASET = """\
apiVersion: cxone.reconciler/v1
kind: Dataset
metadata:
  name: dataset-{n}
  labels:
    team: team-{team}
spec:
  description: Tickets of team {team}, as the desk sees them
  primaryKey: external_id
  columns:
    external_id:
      type: string
      maxLength: 64
    customer_email: string
    ticket_priority: number
    is_resolved: boolean
    resolved_date: date
"""

EXTENSION = """\
apiVersion: cxone.reconciler/v1
kind: DataExtension
metadata:
  name: extension-{n}
  labels:
    team: team-{team}
spec:
  description: Callers of team {team}
  storageLimitMb: 256
  fields:
    - name: caller_id
      type: string
      maxLength: 64
    - name: tier
      type: string
      maxLength: 16
    - name: balance
      type: number
    - name: since
      type: date
"""

CONNECTOR = """\
apiVersion: cxone.reconciler/v1
kind: Connector
metadata:
  name: connector-{n}
  labels:
    team: team-{team}
spec:
  description: The desk of team {team}
  connectorType: CUSTOM
  endpointUrl: https://crm-{n}.example.com/api
  version: 1.0.0
  lifecycleStatus: ACTIVE
  authentication:
    type: BASIC
    credentials:
      username: svc-team-{team}
      password: ${{secret:env:BENCH_PASSWORD}}
  mappings:
    - cxoneField: contact.email
      crmField: Email
      direction: INBOUND
    - cxoneField: contact.phone
      crmField: Phone
      direction: INBOUND
    - cxoneField: contact.tier
      crmField: Tier
      direction: OUTBOUND
  syncSettings:
    batchSize: 250
"""

ACTION = """\
apiVersion: cxone.reconciler/v1
kind: DataAction
metadata:
  name: action-{n}
  labels:
    team: team-{team}
spec:
  description: Looks a caller of team {team} up
  runtime: nodejs20
  code:
    path: code
  inputs:
    properties:
      externalId:
        type: string
    required: [externalId]
  outputs:
    properties:
      tier:
        type: string
  timeoutSeconds: 10
"""

STREAM = """\
apiVersion: cxone.reconciler/v1
kind: EventStream
metadata:
  name: stream-{n}
  labels:
    team: team-{team}
spec:
  description: Calls of team {team}
  actionRef: action-{action}
  eventTypes: [call, chat]
  status: ACTIVE
"""

KINDS = (DATASET, EXTENSION, CONNECTOR, ACTION, STREAM)


def documents(count: int) -> list[str]:
    """The text of ``count`` manifests, the five kinds in turn; each stream refers to the action before it."""
    return [KINDS[n % 5].format(n=n, team=n % 40, action=n - 1 if n % 5 == 4 else 0) for n in range(count)]


def write_project(folder: Path, count: int, url: str) -> None:
    """Write a whole project: project file, manifests, the actions' code, the client's secret."""
    (folder / "reconciler.yaml").write_text(PROJECT.format(url=url), encoding="utf-8")
    (folder / "secret.txt").write_text("local-secret\n", encoding="utf-8")
    (folder / "code").mkdir()
    (folder / "code" / "index.js").write_text(
        "module.exports = async (context, inputs) => ({ tier: inputs.externalId.length > 8 ? 'gold' : 'standard' });\n",
        encoding="utf-8",
    )
    (folder / "manifests").mkdir()
    texts = documents(count)
    for start in range(0, len(texts), PER_FILE):
        name = f"part-{start // PER_FILE:04}.yaml"
        (folder / "manifests" / name).write_text("---\n".join(texts[start : start + PER_FILE]), encoding="utf-8")
