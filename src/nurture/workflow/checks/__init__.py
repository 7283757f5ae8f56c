"""Everything that can be wrong with a project, beyond what cannot be read: all problems of all files, at once.

Refuses nothing itself: `nurture check` prints what it finds, and publishing stops at the first error among it.
"""

from __future__ import annotations

from nurture.model.errors import Problem, Severity
from nurture.workflow.checks.codes import CODES, Code
from nurture.workflow.checks.documents import incoherent_documents
from nurture.workflow.checks.events import unusable_events
from nurture.workflow.checks.flow import broken_flow
from nurture.workflow.checks.loops import endless_loops
from nurture.workflow.checks.messages import Printed, TemplateFacts, unsendable_messages, unused_templates
from nurture.workflow.checks.names import unknown_names
from nurture.workflow.checks.questions import senseless_questions
from nurture.workflow.checks.renames import doubtful_renames
from nurture.workflow.checks.scenarios import baseless_scenarios
from nurture.workflow.checks.sense import doubtful_meaning
from nurture.workflow.project import Project

__all__ = ["CODES", "Code", "Printed", "TemplateFacts", "check_project"]


def check_project(project: Project, templates: tuple[TemplateFacts, ...] = ()) -> list[Problem]:
    """All problems, those of reading included, in the order of files and lines; each once."""
    found = {
        *project.problems,
        *unknown_names(project),
        *senseless_questions(project),
        *unusable_events(project),
        *broken_flow(project),
        *endless_loops(project),
        *unsendable_messages(project, templates),
        *incoherent_documents(project),
        *baseless_scenarios(project),
        *doubtful_meaning(project),
        *doubtful_renames(project),
    }
    if not any(one.severity is Severity.ERROR for one in found):
        found |= set(unused_templates(project, templates))
    return sorted(found, key=lambda problem: (problem.place, problem.code, problem.message))
