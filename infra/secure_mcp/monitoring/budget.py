"""A budget: somebody is told what a resource group costs before the bill says it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pulumi
from pulumi_azure_native import consumption


def declare_budget(
    name: str, scope: pulumi.Input[str], amount: int, emails: Sequence[str], opts: pulumi.ResourceOptions
) -> None:
    """Tells addresses when 80 % of a month's budget are spent, and when it is forecast that it will not do.

    Nothing is stopped: Azure only tells.

    Args:
        name: Pulumi name.
        scope: ARM id of what is paid for.
        amount: A month, in the currency of the subscription.
        emails: Who is told.
        opts: Options, with the parent.

    https://learn.microsoft.com/azure/cost-management-billing/costs/tutorial-acm-create-budgets
    """
    first = datetime.now(UTC).date().replace(day=1)

    def told(threshold: int, kind: str) -> consumption.NotificationArgs:
        return consumption.NotificationArgs(
            enabled=True,
            operator=consumption.OperatorType.GREATER_THAN,
            threshold=threshold,
            threshold_type=kind,
            contact_emails=list(emails),
        )

    consumption.Budget(
        name,
        budget_name="monthly",
        scope=scope,
        category=consumption.CategoryType.COST,
        amount=amount,
        time_grain=consumption.TimeGrainType.MONTHLY,
        # A budget begins in the month that it is made in; what the program says in later months is no change.
        time_period=consumption.BudgetTimePeriodArgs(start_date=f"{first}T00:00:00Z"),
        notifications={"actual": told(80, "Actual"), "forecast": told(100, "Forecasted")},
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["timePeriod"])),
    )
