"""The properties that HubSpot itself defines, as far as anybody here asks for them.

A line is name, type, input and label; `=` marks what is calculated, `!` what is read-only,
`?` what must be unique.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EVERY = """
hs_object_id number/number ! Record ID
hs_createdate datetime/date ! Object create date/time
hs_lastmodifieddate datetime/date ! Object last modified date/time
hs_merged_object_ids enumeration/checkbox ! Merged object IDs
hs_object_source string/text ! Record source detail
hs_object_source_id string/text ! Record source ID
hs_object_source_label enumeration/select ! Record source
hubspot_owner_id enumeration/select Owner
hubspot_owner_assigneddate datetime/date ! Owner assigned date
hs_all_owner_ids enumeration/checkbox ! All owner IDs
hs_user_ids_of_all_owners enumeration/checkbox ! User IDs of all owners
hs_created_by_user_id number/number ! Created by user ID
hs_updated_by_user_id number/number ! Updated by user ID
"""
_CORE = """
createdate datetime/date ! Create date
notes_last_contacted datetime/date = Last contacted
notes_last_updated datetime/date = Last activity date
notes_next_activity_date datetime/date = Next activity date
num_contacted_notes number/number = Number of times contacted
num_notes number/number = Number of sales activities
hs_last_sales_activity_timestamp datetime/date = Last engagement date
"""
_COMPANIES = """
name string/text Company name
domain string/text Company domain name
website string/text Website URL
phone string/phonenumber Phone number
description string/textarea Description
country string/text Country/Region
city string/text City
zip string/text Postal code
address string/text Street address
industry enumeration/select Industry
type enumeration/select Type
lifecyclestage enumeration/radio Lifecycle stage
annualrevenue number/number Annual revenue
numberofemployees number/number Number of employees
facebookfans number/number Facebook fans
twitterhandle string/text Twitter handle
hs_parent_company_id number/number = Parent company
hs_num_child_companies number/number = Number of child companies
hs_num_open_deals number/number = Number of open deals
num_associated_contacts number/number = Number of associated contacts
num_associated_deals number/number = Number of associated deals
hs_last_sales_activity_type enumeration/select = Last engagement type
hs_last_logged_call_date datetime/date = Last logged call date
hs_last_logged_outgoing_email_date datetime/date = Last logged outgoing email date
hs_last_booked_meeting_date datetime/date = Last booked meeting date
hs_last_open_task_date datetime/date = Last open task date
hs_sales_email_last_replied datetime/date = Recent sales email replied date
engagements_last_meeting_booked datetime/date = Date of last meeting booked
hs_csm_sentiment enumeration/select CSM sentiment
hs_next_renewal_date date/date Next renewal date
"""
_CONTACTS = """
email string/text ? Email
firstname string/text First name
lastname string/text Last name
jobtitle string/text Job title
phone string/phonenumber Phone number
company string/text Company name
lastmodifieddate datetime/date ! Last modified date
lifecyclestage enumeration/radio Lifecycle stage
hs_buying_role enumeration/checkbox Buying role
hs_lead_status enumeration/radio Lead status
associatedcompanyid number/number Primary associated company ID
hs_calculated_merged_vids enumeration/text = Merged contact IDs with timestamps
hs_feedback_last_nps_rating_number number/number = Last NPS survey rating
hs_feedback_last_nps_follow_up string/textarea = Last NPS survey comment
hs_feedback_last_survey_date datetime/date = Last NPS survey date
"""
_DEALS = """
dealname string/text Deal name
pipeline enumeration/select Pipeline
dealstage enumeration/radio Deal stage
dealtype enumeration/radio Deal type
amount number/number Amount
amount_in_home_currency number/number = Amount in company currency
closedate datetime/date Close date
hs_is_closed bool/booleancheckbox = Is closed
hs_is_closed_won bool/booleancheckbox = Is closed won
hs_deal_stage_probability number/number = Deal probability
product string/text Product
"""
_TICKETS = """
subject string/text Ticket name
content string/textarea Ticket description
hs_pipeline enumeration/select Pipeline
hs_pipeline_stage enumeration/select Ticket status
hs_ticket_priority enumeration/select Priority
hs_ticket_category enumeration/checkbox Category
source_type enumeration/select Source
hs_ticket_id number/number = Ticket ID
hs_is_closed bool/booleancheckbox = Is closed
closed_date datetime/date ! Close date
time_to_close number/number = Time to close
"""
_ACTIVITY = """
hs_timestamp datetime/date Activity date
hs_activity_type enumeration/select Activity type
hs_body_preview string/text ! Body preview
"""
_CALLS = """
hs_call_title string/text Call title
hs_call_body string/html Call notes
hs_call_direction enumeration/select Call direction
hs_call_status enumeration/select Call status
hs_call_disposition enumeration/select Call outcome
hs_call_duration number/number Call duration
"""
_MEETINGS = """
hs_meeting_title string/text Meeting name
hs_meeting_body string/html Meeting description
hs_meeting_start_time datetime/date Meeting start time
hs_meeting_end_time datetime/date Meeting end time
hs_meeting_outcome enumeration/select Meeting outcome
hs_meeting_source enumeration/text Meeting source
"""
_EMAILS = """
hs_email_subject string/text Email subject
hs_email_text string/textarea Text body
hs_email_html string/html Email body
hs_email_direction enumeration/select Email direction
hs_email_status enumeration/select Email send status
hs_email_from_email string/text = Email from address
"""
_NOTES = "hs_note_body string/html Note body"
_TASKS = """
hs_task_subject string/text Task title
hs_task_body string/html Task notes
hs_task_status enumeration/select Task status
hs_task_priority enumeration/select Priority
hs_task_type enumeration/select Task type
hs_task_completion_date datetime/date = Completed at
hs_task_is_completed number/number = Is completed
"""
_COMMUNICATIONS = """
hs_communication_channel_type enumeration/select Channel type
hs_communication_logged_from enumeration/select Logged from
hs_communication_body string/html Communication body
"""
_FEEDBACK = """
hs_survey_id number/number ! Survey ID
hs_survey_name string/text ! Survey name
hs_survey_type enumeration/select ! Survey type
hs_survey_channel enumeration/select ! Survey channel
hs_value number/number ! Rating
hs_response_group enumeration/select ! Response group
hs_sentiment enumeration/select ! Sentiment
hs_content string/textarea ! Comment
hs_submission_name string/text ! Submission name
hs_submission_timestamp datetime/date ! Submission date
hs_submission_url string/text ! Submission URL
hs_ingestion_id string/text ! Ingestion ID
"""
#: The lines of every type.
LINES: Mapping[str, str] = MappingProxyType(
    {
        "companies": _EVERY + _CORE + _COMPANIES,
        "contacts": _EVERY + _CORE + _CONTACTS,
        "deals": _EVERY + _CORE + _DEALS,
        "tickets": _EVERY + _CORE + _TICKETS,
        "calls": _EVERY + _ACTIVITY + _CALLS,
        "meetings": _EVERY + _ACTIVITY + _MEETINGS,
        "emails": _EVERY + _ACTIVITY + _EMAILS,
        "notes": _EVERY + _ACTIVITY + _NOTES,
        "tasks": _EVERY + _ACTIVITY + _TASKS,
        "communications": _EVERY + _ACTIVITY + _COMMUNICATIONS,
        "feedback_submissions": _EVERY + _FEEDBACK,
    }
)
_STAGES = (
    "subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist"
    " other"
)
#: What may be chosen; a property without a line here takes what HubSpot puts there.
CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "lifecyclestage": _STAGES,
        "companies.type": "PROSPECT PARTNER RESELLER VENDOR CUSTOMER OTHER",
        "companies.hs_csm_sentiment": "negative neutral positive",
        "contacts.hs_buying_role": "DECISION_MAKER BUDGET_HOLDER CHAMPION"
        " END_USER INFLUENCER OTHER",
        "contacts.hs_lead_status": "NEW OPEN IN_PROGRESS CONNECTED UNQUALIFIED",
        "deals.dealtype": "newbusiness existingbusiness",
        "tickets.hs_ticket_priority": "LOW MEDIUM HIGH URGENT",
        "tickets.hs_ticket_category": "PRODUCT_ISSUE BILLING_ISSUE COMPLAINT"
        " FEATURE_REQUEST GENERAL_INQUIRY",
        "tickets.source_type": "CHAT EMAIL FORM PHONE",
        "calls.hs_call_direction": "INBOUND OUTBOUND",
        "calls.hs_call_status": "BUSY CALLING_CRM_USER CANCELED COMPLETED CONNECTING FAILED"
        " IN_PROGRESS NO_ANSWER QUEUED RINGING",
        "meetings.hs_meeting_outcome": "SCHEDULED COMPLETED RESCHEDULED NO_SHOW CANCELED",
        "emails.hs_email_direction": "EMAIL INCOMING_EMAIL FORWARDED_EMAIL",
        "emails.hs_email_status": "BOUNCED FAILED SCHEDULED SENDING SENT",
        "tasks.hs_task_status": "NOT_STARTED IN_PROGRESS WAITING COMPLETED DEFERRED",
        "tasks.hs_task_priority": "NONE LOW MEDIUM HIGH",
        "tasks.hs_task_type": "EMAIL CALL TODO LINKED_IN",
        "communications.hs_communication_channel_type": "LINKEDIN_MESSAGE SMS WHATS_APP",
        "communications.hs_communication_logged_from": "CRM",
        "feedback_submissions.hs_survey_type": "NPS CSAT CES CUSTOM KNOWLEDGE",
        "feedback_submissions.hs_survey_channel": "EMAIL WEB CHAT",
        "feedback_submissions.hs_response_group": "PROMOTER PASSIVE DETRACTOR",
        "feedback_submissions.hs_sentiment": "POSITIVE NEUTRAL NEGATIVE",
    }
)
#: What this company added to its companies, as it did in its Salesforce.
OWN = (
    ("customer_number", "string", "text", "Customer number", ()),
    ("segment", "enumeration", "select", "Segment", ("Enterprise", "Mid-Market", "Small")),
    ("arr", "number", "number", "ARR", ()),
    ("csm_sentiment", "number", "number", "CSM sentiment", ()),
    ("csm_sentiment_date", "date", "date", "CSM sentiment date", ()),
    ("advocacy", "enumeration", "select", "Advocacy",
     ("Reference", "Quiet advocate", "Neutral", "Critic")),
    ("goals_total", "number", "number", "Goals total", ()),
    ("goals_reached", "number", "number", "Goals reached", ()),
    ("onboarding_status", "enumeration", "select", "Onboarding", ("Running", "Done", "Stalled")),
    ("renewal_date", "date", "date", "Renewal date", ()),
)  # fmt: skip
UNIQUE = frozenset({"customer_number"})
