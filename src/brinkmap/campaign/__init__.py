"""Audits by many workers: on the cores of one machine or a Ray cluster, under one budget, with one ledger.

Several workers need the extra `ray`.
"""

from brinkmap.campaign.books import with_workers
from brinkmap.campaign.campaign import Scale, campaign, campaign_path, is_campaign
from brinkmap.campaign.driver import Progressed
from brinkmap.campaign.outlet import Outlet, is_url

__all__ = ["Outlet", "Progressed", "Scale", "campaign", "campaign_path", "is_campaign", "is_url", "with_workers"]
