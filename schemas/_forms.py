"""The forms, and the rows of their tables, that other forms name.

For mypy they are the classes themselves. When the service runs they are references by id, looked up in the case: so
two forms may name each other, and an office may put a file of its own in the place of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .closing import Closing as Closing
    from .cooperation_agreement import Consent as Consent
    from .cooperation_agreement import CooperationAgreement as CooperationAgreement
    from .education_plan import EducationPlan as EducationPlan
    from .employer_contact import EmployerContact as EmployerContact
    from .employer_contact import Offer as Offer
    from .job_end import JobEnd as JobEnd
    from .job_search_plan import JobSearchPlan as JobSearchPlan
    from .job_search_plan import TargetEmployer as TargetEmployer
    from .job_start import JobStart as JobStart
    from .job_support_plan import JobSupportPlan as JobSupportPlan
    from .referral import Referral as Referral
    from .vocational_profile import VocationalProfile as VocationalProfile
    from .vocational_profile import WorkGoal as WorkGoal
else:
    from formgen.schema import FormReference

    Closing = FormReference("closing")
    Consent = FormReference("cooperation_agreement.consents")
    CooperationAgreement = FormReference("cooperation_agreement")
    EducationPlan = FormReference("education_plan")
    EmployerContact = FormReference("employer_contact")
    JobEnd = FormReference("job_end")
    JobSearchPlan = FormReference("job_search_plan")
    JobStart = FormReference("job_start")
    JobSupportPlan = FormReference("job_support_plan")
    Offer = FormReference("employer_contact.offer")
    Referral = FormReference("referral")
    TargetEmployer = FormReference("job_search_plan.target_employers")
    VocationalProfile = FormReference("vocational_profile")
    WorkGoal = FormReference("vocational_profile.work_goals")
