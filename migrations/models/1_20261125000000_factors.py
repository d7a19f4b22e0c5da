"""Factors: passkeys, one-time passwords, recovery codes, and the ceremonies that are under way.

One text for both databases; only the words for a few types differ.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

TYPES = {
    "sqlite": {"uuid": "BLOB", "bytes": "BLOB", "float": "REAL", "bool": "INT"},
    "postgres": {"uuid": "UUID", "bytes": "BYTEA", "float": "DOUBLE PRECISION", "bool": "BOOL"},
}

SCHEMA = """
ALTER TABLE users ADD COLUMN handle {bytes};
ALTER TABLE users ADD COLUMN code_failures INT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN mail_off_at {float};

CREATE TABLE passkeys (
    id {uuid} NOT NULL PRIMARY KEY,
    credential_id {bytes} NOT NULL UNIQUE,
    public_key {bytes} NOT NULL,
    sign_count BIGINT NOT NULL,
    backup_eligible {bool} NOT NULL,
    backed_up {bool} NOT NULL,
    transports VARCHAR(100) NOT NULL,
    aaguid {uuid} NOT NULL,
    name VARCHAR(64) NOT NULL,
    created_at {float} NOT NULL,
    last_used_at {float},
    suspended_at {float},
    user_id {uuid} NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_passkeys_user_id_026cea ON passkeys (user_id, id);

CREATE TABLE totp (
    sealed_secret {bytes},
    confirmed_at {float},
    last_step BIGINT NOT NULL DEFAULT 0,
    suspended_at {float},
    pending_secret {bytes},
    pending_until {float},
    pending_session {uuid},
    user_id {uuid} NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE recovery_codes (
    id {uuid} NOT NULL PRIMARY KEY,
    position INT NOT NULL,
    salt {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    created_at {float} NOT NULL,
    used_at {float},
    user_id {uuid} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT uid_recovery_co_user_id_807ac8 UNIQUE (user_id, position)
);

CREATE TABLE challenges (
    id {uuid} NOT NULL PRIMARY KEY,
    purpose VARCHAR(20) NOT NULL,
    secret_hash {bytes} NOT NULL,
    challenge {bytes},
    session_id {uuid},
    is_named {bool} NOT NULL,
    amr VARCHAR(100) NOT NULL,
    return_to VARCHAR(2048),
    expires_at {float} NOT NULL,
    user_id {uuid} REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_challenges_expires_11b37a ON challenges (expires_at);
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return what is new in the words of this database."""
    return SCHEMA.format_map(TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:  # noqa: ARG001 - aerich's signature
    """Return nothing: going back means restoring the backup made before."""
    return ""


MODELS_STATE = (
    "eJztXVtz27YS/isYvTSZcTKJLDtp8mS7TutT1+74ctJOp0NDJCRhRBEqAVnR9OS/nwVIii"
    "IJ0iRNSZDMl0QmsSD54bb77WLxb2fCHOLyt/ec+Dds3vmE/u14eELgR/rWAerg6TS+IS8I"
    "3HdV2RkUUldwnwsf2wIuDrDLCVxyCLd9OhWUebLo3YggJYceHpTYw8NnJOiEcEQ9dO/Rb4"
    "gTm3kOfysrdJgNNVJvWEN25tF/ZsQSbEjEiPhQw19/w2XqOeQb4dGf07E1oMR1Eh9PHVmB"
    "um6JxVRdu58FV52+ZTN3NvHigtOFGDFvWXIGJd/e31/8JO8NiUd8LIizgok3c90Qu+hS8L"
    "JwQfgzsnxLJ77gkAGeuRJZKR28R3ytY1lX13fW7fmdZXUyqEcSK2CGlwAt2WLUExKQf78H"
    "9cYfrq525ANOL69P1bcyLoa+utFR3/hdCWGBAzEFbIwkmWDqZsE8G2H/i4I9jehSIAUqvO"
    "bOwdmZ4G+WS7yhGMGf3aNeAb7/Pbk5++Xk5hWUei0fyWAcBaPrKrzVDe5JvGN81f8V4I3K"
    "N4NudCGGNx72Syw7G0H3/bt3JdCFUrnoqntJdH3mEl4F3qXA3uHbLYVvtwDfbhZf2ycSDQ"
    "uLLMhfXIaFHuWkWArqgZRbF9jbmXt/ur4/vTxHv9+cn13cXlxfyadMFvwfN74pL8EFKhQG"
    "N+cnlymoH4lPoe7KWKfkaoIdzrovBGuHcvndlbFOybVYl8DaxVxYnA49i3pV8dbItpiXwH"
    "yEPcfVqB2n1MP+Qo91LJOCuL8QwZJpBMSdryMsEJ6BxeAJamPBfI7GHpsjjKZgcjAP9Ref"
    "0HEP+fBBbILU6yMhpSYEe8hjYgRNg159Jf0TqMZDl4fSLJH1o/e9t8dv37/OmjYbe2p1hX"
    "/Cw84BC/npxdXJzZ+vfjv543Wi31xeX/2sMxBO/7w7P0mv+WA/WgNQ8me+Tre68PIW/bRc"
    "qh/BJ21y1X+n6To+gyZgHnkjjVIELYV8sEdhBV0g+fbKTMXIZ3NNB6gmm1bVhvJT3nTf9z"
    "70Ph4e9z5CEfW5yysfClr64uou1UbSBrPYYFB1Qk3JGT2Zdm6pZxM0hyEHA4nyaKDNMYAK"
    "AwrJheENoO4SIeBWts3qVLD+iVqSGoPxijEuL/SxPZ5j37ESd+IG54RzgIVrBuRpKPrl1x"
    "viYgVetmlDtug2qCYkjHZTAY+vhl0xMTKmmPMxWTwXqN+DavYYqGj2stTs9Uy4bsLKzuDP"
    "PcbMHmFXGtzPxussqqgcWGZqr1ms5EzGuixvbkveimEVTEwLAL32yB2Df56G9Q4q2j9EJ9"
    "1JCtEJ9vBQvaWsTgqHAPyGh9S+pN44x1uQuH9Q5DKYyJKWC0VrOA5WhKULgMJySx1EpUJM"
    "0HTWd6mNHnwC0IN9R516HoYmH/K0K+KvmPimTufv1jOxds/EdOaDRCXyfEVkc/zu5vwT5Q"
    "jeAn43Te9u2/ljFrzrcP8INiaeNcJ8VI2NScrVZGRMw3tbZMYE29XQX5Vqsa+Lfd9nc078"
    "Gr0/LWk2I/kLvCViA6V32IyNKYn+Cr8j4AExGJTOZ/UARAegr6A5VjREWCqr7TRZ8fa7A3"
    "xWJT5xWX5zPOK7dS00DdN/PhEzHxBhVdbuhFCt9dswoymtHfU+ltKPeh8LNCR5M4k1nVYB"
    "OSi9h9pR76gEuL2jXGjlLe3yUAXdFZE9hPi4jH5/nK/fH7fhG9tzuZJvUwqLX1Wok2It1G"
    "Wgtl2w8at36lUpox1fRuFswVzAA8617CydlttHXaMJJqaCI7ASsV6RM17xCWoY46THMJ8v"
    "jhyU1cniSLJmoHk58TIErwxZtwJatqV4N0Lxhp9PdfPLKR3mmoZJub2xD3/sdg8PP3TfHR"
    "5/POp9+HD08d3SUMzeKrIYTy9+lkZjYvbJWpGtdrixpVRGjllydqqEdEKqBboU0JNKBmVY"
    "fA+NybVst8B2NXTtfUW3VwbcXj62vQy0Lc3U0ky7SjOpMP1ZDZs8LdiucWXWOJ+JOnpbUs"
    "xsqDtfg6Bdglz6SFCs7yvXFuV8RhxdkH45oZYZbLq5LhywxYnnfEZERcSrviaRn7BHaZGL"
    "A+TJO2gKIx494D6H7xTEij/yIducTVW6YQ00+xrVlH69vNkdwJSpEXpL9YlxVaglhsuhXI"
    "MWTkq1pPDT4XkrhGQJtnGldJOUo7lduYB0zFDrSVA10wPzCR16v5IgIukC3gF7to54yeZd"
    "2U1EM7HmcNnH8yXfvdqf4PPho0kwIZyd3J6d/HTe+b4dd8XKzhyNuyK5byffXRFtE6ruro"
    "gk8/0NSBYPQtHZzOdqr2AQj/5ZaaeJbaQ/SM0UPdg+ceQ17MpQ9WKPx8beoHWamOg0STRU"
    "FlSYwnSUfVKkqaDWXYJWF5MYDAprHGBWPkA1KWd2iHDn7Pr23IJugV7dfDlDP7476i53nn"
    "/QbHV/uvj2Y0lVTgibzTyNpl/kOEzKbXeD+k77DuVaPptaxKVD2temmmDMJdjLIViz0ukx"
    "BOLmNIZkluQKKLM9+OyROvBzgheILzx75DOPciLDrl+dnr8+UIvtPCzPPIIcWIixCHgpSV"
    "TAigklb7VJJtb0lAoD9vr6MjFgTy9SfeHq/rfT85tX718nzUR9FwG7eqZxbDzZOZZyRneL"
    "Rlaq5gCHB3p8ynxRKSNaUmoP/R3r8YTi4ay0ShsXfvGG+W6lRtycT67M1sPj/J2Hx5mNh2"
    "1wz2YznG3R/WkYK7pmtPmMT2vR/GlBo9FezV0kMxuwObwUKHkcfkjX1yepCUoSBylrhqMB"
    "86MkY4WJkGpVttkWbmnvlvZuae8U7R2lttFw3itZb/IJb5ljpzrZLaVyaeYD+cMnMF9wgl"
    "3iqGkDphHqBzNMMYv9/KqfkT/eiClml8jTErx00FJW0HDV6NSMqNEb/pvEuPl8F96A+pMa"
    "in9K0GjtyBRdNMhPLIiO4ipgoRNixmVJlZO0R+aECzU3I/miQaIJGUaHbZtM4b2UzihJSO"
    "y6qE9gflbkJIb/pJot9JN/Q/UaQYG/DEPElKEmEYPH11pesrJGry+dk1D7CUaHPcIy4+Qy"
    "hTRYaNRFWGUdlvlgwnwvfASaUeAXkE6AcFvkSoYYpUNRzcBc/+O2vy5GXUB9TaXRmpFsh2"
    "ul4ar6RUlFWyP1DIV7dxCvYtJXMT+fMv+jzKrrN/5NsHUaNv2fZc6nEyZrzHpNTuV88z6Z"
    "zbm6oZ+Ur7kVv0olGuM9EUwGQ4GqF/27rE3fRpg1lnk1wj6DZ65JsypicliN6q9g6IIRwh"
    "eTPnPj/HoOCXhw4roczUfUHiGZfxAJBjcnU7BADhBngYYjIy64y+ZBCcoR8dhsONIPj/U+"
    "bs2p5jh2q5I5oYTZUXEmkzjVE2a2iWKfTZy1/vIN+vcq49x6yVsfautDNQTRXfWhJk5d0V"
    "hc6VNZ8s2t+CCY6qZWLJs8tgJUPhGphw8RE1L3cIwmH1LqcIx4s3K7B6g9G2MPNt8GnHiN"
    "5PUpQbNV8kSO+dANQL3M9FCcm/4JOQOU+2g2rNaSCTGjXUYmW1YhmV9eG00KGO8A6HwdMT"
    "SZcYEG1KOSnxFBNTLg0pdHhS76zFnIrTy6LT+VZBuPwafckj81TVO4R2dVzOgtOvGeKg9h"
    "xwEgeHA6hnz7T0HQK/PcRRwX+4NUktQG6zAaNnBySm8mRhJ8mA9kIU/tumJEo4ht6Jlb2W"
    "S0fwkWg7Odlz5thF2fYGcRNAFc+RS1g1KJ4ZG2YJrYxtq1bH7zUnt8iE6BXM/xIS8g+9dL"
    "5rwM69O7T3mZCeiuMl630Erweb/m5stJFjgozPAfFLXqpc1Zla6b6b90Fc/YGTDWTSD5q+"
    "JYO4PU1G/WQVJ1ZBKPD8eHH0HvnE36UwB2SQCGh+QCnlngy4ttZGNrPhWG3SHzqRhNKqml"
    "q0ImK6c1tZn35bTGAqUxS4epLRrQER4BlKqMWFrWbFLMZDal9VNvbqcxrDfcGvhMM7UUhf"
    "cnxIz2Vne+wFsG+4KZ3BqM1LuHR4mGW+7kPB9EIUn3kZz6+Yg4CI/AvM0uG01UuNlWfiQ+"
    "hbp5jdDwrKjZrX2vQvnDbeAoevvPEeFIXbJsMgRtNcdUaFSy2rWsv12fFSzdnNZ9MqX5Gn"
    "d8s1DbxlNaU9OOJGtq2eXEn6Fht17gprzAbQKd9fKk3GZT3ZHV+QjHEnuIcbcUxt0CjLsa"
    "jF+Em721KHYe/l0/CsRMYnVdSPvkkY1rnJGTEGuRNlvPviRCBH4FjZ4d3yzUs8kEU9eChp"
    "qR6qr2inBNbbt0DWWCMLnAYqY+zyPfBHRiQSZT0cZkbkYbH8OHVHMdeA36DgzTFJuOxvSJ"
    "TaeU6PJ9F4UsrAjtI8xHZbwrUCof6KNM4lCYgDhMt1pHej7USak9xPqwVJ8+LOjUh9leLW"
    "P7qlk9kYTR0aid2zBpGyyk/DOa0ylxAsJQpSdXC7MkfzmRTkUfCcYQczVs8jPq2b5dFa/G"
    "pdmDpYTJAyjK0iFz9MU/xAFUTqG1DlBgrmias4rght2boa6kaa7cLe+rIntzBH1j+8bTGm"
    "gG1wIrTCPb8gul8tERzEkNR1ZKzmi7t/NVuZgewjnk4VOYoWqZ3VjeCE/OEHhMdJG61SvY"
    "bDu2lNyLoOQ2tWCfe04Uu+XSgcriNh9Fh8UEWpSNfZ/q9jJUlN1s4wWbZqoPlJSc0fOdKQ"
    "NFJS0lvs8q7f9ISu3jtoGmmY7leTxVYE4ItSg/jbJLvXH5vQIrpY3fK6DoZRl984Z6yCfw"
    "KC4QjubqPnGZN+RgKut56bKC289t2GC4zsyh4twT/qKji9eJ7x4UBuzIcpbLhuXcCHLjpz"
    "yzTS6mB0r3BDs4DJ7zyeeA80Aj5jqIOsEJrrbLuCRAmA8X5AZC/XbSRmpd99GvRemxtQNN"
    "Y1KH48lYF8Mm01IXxMdXU412QaE1RSUijxUdEksBk/m9mmt0r8wa3ctfo3uZNbrdz9fABv"
    "99z76wQSip5piH/LFOdac77MVAPyoz0I/yB/pRxg3ms7l2n2k+uisiewjxcZm59Dh/Lj3W"
    "+M+VPl/Rq5uU2kegGz93cwL6MqvoOo8k9hDgdUSCYK5LTV3UiyOJFuASACsbMYvvHfmWx6"
    "ZGAnsBbwGcd+d/KPNrGSkQwagPFIiKr8B+JjUNY4iPW+I/Ev9WYGXhZHMDrNw+KMwMoApa"
    "fFmyWmaAFekHTaa5J8o+YyfSdvfPbJebWIvtVrBVaTbp6zS8Ih4oltmb8IpNH1Gm4qd0qD"
    "+1WV+DulkxZqbtqDFkSj8hPrVHutk8vFM4keO4zFNTeD7+DW8NfSk08TMjr/KnXlgw9Udw"
    "5S90KyJ7odOlw6bLMBhQqiBsOsNhyEFVAeGw+B6iu5aduPBEoeXa/3N7fZUTDBWLpFB2qC"
    "3Q/5BL+Z75NCQYxfZJ2hRJLWaygq3bJ9//D1+5jzg="
)
