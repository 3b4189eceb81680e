"""gangwei (岗位): raw job ads in; openings, AI jobs with evidence, places, employers and an auditable brief out."""

__version__ = "0.1.0"
