"""Charts of a verdict: functions of groups that give figures. No file is written here."""
