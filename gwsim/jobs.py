"""The jobs that Snakemake would run now in a folder, each with what it costs: nothing is run.

Snakemake itself builds its graph of jobs, from the Snakefile of the current folder and the products that
stand in the folder of the run, as a dry run does; groups are those of a profile.
"""

from dataclasses import dataclass
from pathlib import Path

from gwsim import costs
from gwsim.errors import GwsimError


@dataclass(frozen=True)
class Job:
    """needs: places of jobs that come before; submitted: number of what goes as one, None on the head."""

    rule: str
    experiment: str
    cost: costs.Cost
    on_gpu: bool
    submitted: int | None
    needs: tuple[int, ...]


def needed(files: list[Path], directory: Path, targets: list[str], profile: dict) -> list[Job]:
    """Return the jobs that are still to be run, each after those that it needs.

    files: configuration and its overlays; profile: what one says of groups and of rules' resources.

    Raises GwsimError, with Snakemake's own message, where it cannot tell the jobs.
    """
    from snakemake import api
    from snakemake.exceptions import ApiError, CliException, RuleException, WorkflowError
    from snakemake.resources import Resources
    from snakemake.settings import types

    snakefile = Path("Snakefile").resolve()
    if not snakefile.is_file():
        raise GwsimError(f"no Snakefile in {Path.cwd()}: go to the folder of the workflow")
    output = types.OutputSettings(quiet={types.Quietness.ALL}, dryrun=True)
    rules = (profile.get("set-resources") or {}).items()
    asked_of_rules = {
        rule: Resources.from_mapping({"gpu": its["gpu"]}) for rule, its in rules if "gpu" in its
    }
    resources = types.ResourceSettings(cores=1, overwrite_resources=asked_of_rules)
    # The Snakefile has its own config.yaml below them.
    overlays = [path for path in files if path.resolve() != snakefile.with_name("config.yaml")]
    configured = types.ConfigSettings(configfiles=overlays)
    asked = types.DAGSettings(targets=targets, force_incomplete=True)
    directory.mkdir(parents=True, exist_ok=True)
    with api.SnakemakeApi(output) as snakemake:
        try:
            flow = snakemake.workflow(resources, configured, snakefile=snakefile, workdir=directory.resolve())
            workflow = flow.dag(asked).workflow_api._workflow
            together = profile.get("group-components") or {}
            workflow.group_settings = types.GroupSettings(group_components=together)
            return _listed(workflow, _built(workflow))
        except (ApiError, CliException, RuleException, WorkflowError) as error:
            raise GwsimError(_said(error)) from error


def _built(workflow):
    """Return Snakemake's graph, groups found, as a dry run has it that no lock stops."""
    from snakemake.settings import types
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

    # No public call gives the graph: this is what its own `printdag` does, and what comes before a run.
    workflow._executor_plugin = ExecutorPluginRegistry().get_plugin("dryrun")
    workflow.execution_settings = types.ExecutionSettings()
    workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True, nolock=True)
    workflow._build_dag()
    workflow.dag.cleanup()
    workflow.dag.update_groups()
    return workflow.dag


def _listed(workflow, dag) -> list[Job]:
    places: dict = {}
    numbers: dict = {}
    found = []
    for job in _in_order(dag):
        rule = job.rule.name
        group = dag.get_job_group(job)
        local = job.rule.group is None and (rule in workflow._localrules or job.rule.norun)
        number = None if local else numbers.setdefault(group or job, len(numbers))
        on_gpu = rule in workflow.globals["ON_GPU"] and rule in costs.ON_GPU
        cost = workflow.globals["cost"](rule, job.wildcards)
        needs = tuple(places[one] for one in dag.dependencies[job] if one in places)
        places[job] = len(found)
        found.append(Job(rule, job.wildcards.get("experiment", ""), cost, on_gpu, number, needs))
    return found


def _in_order(dag):
    """Yield the jobs that are to be run, none before one that it needs."""
    for level in dag.toposorted():
        yield from sorted((job for job in level if dag.needrun(job)), key=lambda job: job.jobid)


def _said(error: Exception) -> str:
    """Return what Snakemake says of its exception, without where it stands in Snakemake."""
    from snakemake.exceptions import format_exception_to_string

    told, _, _ = (format_exception_to_string(error) or str(error)).partition("\nTraceback")
    return f"Snakemake cannot tell the jobs:\n{told.strip()}"
