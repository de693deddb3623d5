"""Weeks of many clients at one gateway, with races, lost answers, revocations and faults: nobody is signed out without a reason, nothing leaks, nothing grows."""
