"""From documents to meaning: validates all manifests of a project for one target, and finds everything that is wrong.

Nothing here depends on the order of files or documents; nothing outside the project is asked but secret providers, if any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from reconciler.core.diagnostic import Diagnostic
from reconciler.core.kind import Kinds
from reconciler.core.resource import Desired, Key
from reconciler.loading import rules
from reconciler.loading.approved import Approved
from reconciler.loading.collector import collector_paused
from reconciler.loading.content import Digest, content_of, digest_of
from reconciler.loading.cycles import report_cycles, resource_dependencies
from reconciler.loading.envelope import Envelope, raw_key
from reconciler.loading.field_errors import FieldErrors
from reconciler.loading.findings import Findings
from reconciler.loading.inside import Reach, inside
from reconciler.loading.json_files import read_json_files
from reconciler.loading.kind_checks import KnownSpecs, found_by
from reconciler.loading.leaves import stand_ins, stood_in
from reconciler.loading.lifecycles import check_ignored, check_moves, lifecycle_of, moved_from
from reconciler.loading.located import Located
from reconciler.loading.locating import Locator
from reconciler.loading.manifest import Bound, Fragment, Job, Manifest
from reconciler.loading.patches import Patches
from reconciler.loading.project import Project, Target
from reconciler.loading.references import References
from reconciler.loading.secret_places import refuse_literals, secret_paths
from reconciler.loading.secrets import SecretResolver
from reconciler.loading.sound import sound_part
from reconciler.loading.suggest import did_you_mean
from reconciler.loading.variables import Resolver, Scope
from reconciler.loading.wire_form import WireForms


def bind(
    documents: Iterable[Located],
    *,
    project: Project,
    target: Target,
    kinds: Kinds,
    metadata_model: type[Any],
    environ: Mapping[str, str],
    resolver: SecretResolver | None = None,
    earlier: Iterable[Diagnostic] = (),
    approved: Approved | None = None,
    reach: Reach | None = None,
    keep_sound: bool = False,
    in_order: bool = False,
) -> Bound:
    """Validate documents and work out what they mean for a target.

    Without a ``resolver`` secrets stay unresolved. ``earlier`` are diagnostics of reading the files, which take part in the
    result. ``approved`` are the manifests that were found good before; it learns of others where there is no error. ``reach``
    finds what manifests name, by default in the project's folder. ``keep_sound`` gives what is valid even where other manifests
    are not. Documents that are said to be ``in_order`` of file and place are bound as they come, and ``earlier`` is asked for after
    the last of them. Never raises for what is wrong with a manifest: all of that is in ``diagnostics``.
    """
    scope = Scope(reach or partial(inside, project.root), target.variables, environ, target.name, resolver)
    with collector_paused():
        binding = _Binding(project, target, kinds, metadata_model, scope, approved)
        ordered = documents if in_order else sorted(documents, key=lambda document: (document.file, document.index))
        return binding.run(ordered, earlier, keep_sound)


class _Binding:
    """One run of `bind`: what fails one step is left out of those that need it."""

    def __init__(
        self,
        project: Project,
        target: Target,
        kinds: Kinds,
        metadata_model: type[Any],
        scope: Scope,
        approved: Approved | None,
    ) -> None:
        self.project = project
        self.target = target
        self.kinds = kinds
        self.scope = scope
        self.approved = approved
        self.alone: list[Manifest] = []
        self.findings = Findings()
        self.digest = Digest()
        self.envelope = Envelope(kinds, metadata_model, project.targets, self.findings)
        self.manifests: dict[Key, Manifest] = {}
        self.elsewhere: set[Key] = set()
        self.broken: set[Key] = set()

    def run(self, documents: Iterable[Located], earlier: Iterable[Diagnostic], keep_sound: bool) -> Bound:
        """All steps in order."""
        self._check_target()
        self._open_all(documents)
        for diagnostic in earlier:
            self.findings.put(diagnostic)
        references = References(self.manifests, self.elsewhere, self.broken, self.findings)
        for manifest in self.manifests.values():
            references.connect(manifest)
        report_cycles(self.manifests, self.findings)
        self._check_kinds()
        check_moves(self.manifests, self.manifests.keys() | self.elsewhere | self.broken, self.findings)
        if not (bound := self._finish()).failed:
            return self._approve(bound)
        return sound_part(bound, self.manifests, self.broken, self.findings) if keep_sound else bound.bare

    def _check_target(self) -> None:
        for name in self.target.api.paths:
            kind = self.kinds.get(name)
            if kind is None or kind.kind_class != "resource":
                fix = did_you_mean(name, (item.name for item in self.kinds.values() if item.kind_class == "resource"))
                message = f"target {self.target.name} overrides the path of `{name}`, which is no resource kind"
                path = f"spec.targets.{self.target.name}.api.paths.{name}"
                self.findings.put(Diagnostic(rules.API_PATH, message, path=path, fix=fix))

    def _open_all(self, documents: Iterable[Located]) -> None:
        """Take in each document with all that can be said of it alone: the next one may still be on its way."""
        patches = Patches.load(self.target, self.scope.reach, self.findings)
        for document in documents:
            if document.value is None:
                continue
            patched = patches.apply(document)
            content = content_of(patched.value)
            digest = digest_of(content)
            approved = self.approved is not None and digest in self.approved
            manifest = self.envelope.open(patched, expressive=b"${" in content, approved=approved)
            if manifest is None:
                if (key := raw_key(document.value)) is not None:
                    self.broken.add(key)
            elif (targets := manifest.metadata.get("targets")) and self.target.name not in targets:
                self.elsewhere.add(manifest.key)
            else:
                manifest.refers = b"${ref:" in content
                manifest.digest, manifest.approved = digest, approved
                self.manifests[manifest.key] = manifest
                self.digest.add(digest)
                if not approved:
                    self._resolve(manifest)
                    self._validate(manifest)
        self.broken -= self.manifests.keys()
        patches.report_unused(self.manifests.keys() | self.broken, self.elsewhere)

    def _resolve(self, manifest: Manifest) -> None:
        kind = manifest.kind
        if manifest.expressive:
            manifest.spec = Resolver(self.scope, self.findings, manifest.source, kind).resolve(manifest.spec)
        if kind.json_files:
            read_json_files(manifest, self.scope.reach, self.findings)
        if kind.secret_maps or kind.secret_fields:
            manifest.literals = refuse_literals(manifest, self.findings)

    def _validate(self, manifest: Manifest) -> None:
        model = manifest.kind.spec
        spec = manifest.spec
        plain = stand_ins(spec) if manifest.expressive or manifest.kind.json_files else spec
        try:
            manifest.model = model.model_validate(plain)
        except ValidationError as error:
            hidden = secret_paths(manifest.kind)
            references = [tuple(item.spec_field.split(".")) for item in manifest.kind.references]
            reporter = FieldErrors(
                self.findings,
                manifest.source,
                model,
                spec,
                secret=hidden,
                references=references,
                settled=manifest.literals,
            )
            wrong = reporter.report(error.errors(include_url=False))
            from reconciler.loading.lenient import validate_leniently

            part = validate_leniently(model, plain)
            manifest.model, manifest.partial = (None, part) if wrong else (part, None)

    def _check_kinds(self) -> None:
        known = {str(key): manifest for key, manifest in self.manifests.items()}
        for manifest in self.manifests.values():
            if manifest.approved:
                continue
            check, lookup = manifest.kind.check, KnownSpecs(known, manifest.misfits)
            model = manifest.model or manifest.partial
            for finding in found_by(check, model, lookup) if check is not None and model is not None else ():
                if stood_in(manifest.spec, finding.path):
                    continue
                path = ("spec", *finding.path)
                self.findings.add(
                    rules.KIND_CHECK, finding.message, manifest.source, path, fix=finding.fix, severity=finding.severity
                )
            if manifest.metadata.get("lifecycle"):
                check_ignored(manifest, self.findings)
            if not lookup.asked and manifest.stands_alone:
                self.alone.append(manifest)

    def _finish(self) -> Bound:
        forms = WireForms(self.scope.reach, self.manifests, self.findings)
        desired: list[Desired] = []
        fragments: list[Fragment] = []
        jobs: list[Job] = []
        ordered = sorted(self.manifests.values(), key=lambda manifest: (manifest.key.kind, manifest.key.name))
        for manifest in ordered:
            if manifest.model is None and not manifest.approved:
                forms.check_bundle(manifest)
                continue
            if manifest.kind.kind_class == "resource":
                desired.append(self._desired(manifest, forms))
            elif manifest.kind.kind_class == "fragment":
                fragments.append(self._fragment(manifest))
            else:
                jobs.append(self._job(manifest))
        self._live_names(desired)
        edges = {manifest.key: tuple(sorted(manifest.edges)) if manifest.edges else () for manifest in ordered}
        found, digest = self.findings.finish(), self.digest.hexdigest()
        return Bound(tuple(desired), tuple(fragments), tuple(jobs), found, digest, edges)

    def _approve(self, bound: Bound) -> Bound:
        """Remember what was found good now. A warning, too, is to be said again the next time."""
        if self.approved is not None and self.alone:
            told = self.findings.sources
            fresh = [manifest.digest for manifest in self.alone if id(manifest.source) not in told]
            self.approved.store((item.digest for item in self.manifests.values() if item.approved), fresh)
        return bound

    def _desired(self, manifest: Manifest, forms: WireForms) -> Desired:
        return Desired(
            manifest.key,
            forms.build(manifest),
            lifecycle_of(manifest),
            resource_dependencies(manifest, self.manifests),
            manifest.metadata.get("labels") or {},
            moved_from(manifest),
            manifest.source.file,
            Locator(manifest, self.manifests),
            {name: manifest.spec[name] for name in manifest.kind.spec_only if name in manifest.spec},
            manifest.metadata.get("annotations") or {},
        )

    def _fragment(self, manifest: Manifest) -> Fragment:
        dependencies = resource_dependencies(manifest, self.manifests)
        locate = Locator(manifest, self.manifests)
        return Fragment(manifest.key, manifest.spec, dependencies, manifest.source.file, locate)

    def _job(self, manifest: Manifest) -> Job:
        return Job(
            manifest.key,
            manifest.spec,
            manifest.model,
            resource_dependencies(manifest, self.manifests),
            tuple(sorted(manifest.edges)),
            manifest.metadata.get("labels") or {},
            manifest.source.file,
            Locator(manifest, self.manifests),
        )

    def _live_names(self, desired: list[Desired]) -> None:
        first: dict[tuple[str, str], Key] = {}
        for item in desired:
            other = first.setdefault((item.key.kind, str(item.fields["name"])), item.key)
            if other == item.key:
                continue
            mark = self.manifests[other].source.mark
            place = mark(("spec", "name") if "name" in self.manifests[other].spec else ("metadata", "name"))
            manifest = self.manifests[item.key]
            path = ("spec", "name") if "name" in manifest.spec else ("metadata", "name")
            message = f'{item.key} and {other} both have the live name "{item.fields["name"]}"'
            related = ((f"{other} is declared here", place),)
            fix = "give one of them another spec.name"
            self.findings.add(rules.DUPLICATE_NAME, message, manifest.source, path, fix=fix, related=related)
