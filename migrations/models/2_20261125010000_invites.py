"""Invitations, and an index that finds those who have a role among all who have none.

One text for both databases; only the words for a few types differ.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

TYPES = {
    "sqlite": {"uuid": "BLOB", "float": "REAL"},
    "postgres": {"uuid": "UUID", "float": "DOUBLE PRECISION"},
}

SCHEMA = """
CREATE INDEX idx_users_roles_003bd0 ON users (roles);

CREATE TABLE invites (
    id {uuid} NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL UNIQUE,
    invited_by VARCHAR(45) NOT NULL,
    created_at {float} NOT NULL,
    expires_at {float} NOT NULL
);
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return what is new in the words of this database."""
    return SCHEMA.format_map(TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:  # noqa: ARG001 - aerich's signature
    """Return nothing: going back means restoring the backup made before."""
    return ""


MODELS_STATE = (
    "eJztXVtz27YS/isYvTSZcTKJLdup82S7TutT1+74ctJOp0NDJCxhRBEqAVnR9OS/nwVIii"
    "IJ0gStCyzzJZFJLEh+uO1+u1j82xkxj/j8/R0n4TWbdo7Qv50Ajwj8yN/aQR08Hqc35AWB"
    "e74qO4FC6grucRFiV8DFB+xzApc8wt2QjgVlgSx6OyBIyaH7eyV2f/8ZCToiHNEA3QX0G+"
    "LEZYHH38sKPeZCjTToN5CdBPSfCXEE6xMxICHU8NffcJkGHvlGePLneOg8UOJ7mY+nnqxA"
    "XXfEbKyu3U2iq17PcZk/GQVpwfFMDFgwLzmBku/v7s5/kvf6JCAhFsRbwCSY+H6MXXIpel"
    "m4IMIJmb+ll17wyAOe+BJZKR29R3qt4ziXV7fOzdmt43QKqCcSC2DGlwAt2WI0EBKQf79H"
    "9aYfrq525ANOLq5O1LcyLvqhutFR3/hdCWGBIzEFbIokGWHqF8E8HeDwi4I9j+hcIAcqvO"
    "aLg7Mzwt8cnwR9MYA/d/e7Ffj+9/j69Jfj6zdQ6q18JINxFI2uy/jWbnRP4p3iq/43gDcp"
    "vxx0kwspvOmwn2PZWQu6Hz98qIEulCpFV93Lohsyn3ATeOcCq8K30H3XBO9uLXh3K+DdLc"
    "LrhkSC4WBRxPiLz7DQg5wVyyH9IOVW1Zc3M/X+dHV3cnGGfr8+Oz2/Ob+6lE8Zzfg/fnpT"
    "XoILVCgMrs+OL3JQP5KQQt3GWOfkGoId99pXgrVHufxuY6xzci3WNbD2MRcOp/3AoYEp3h"
    "rZFvMamA9w4PkareOEBjic6bFOZXIQ92YiWjGtgLjzdYAFwhMwGAJBXSxYyNEwYFOE0Rgs"
    "Dhag3uwIHXRRCB/ERki9PhJSakRwgAImBtA06M1X0juGagJ0sSetElk/+th9f/D+49uiZb"
    "O2p5rr+yMedw5YyE/OL4+v/3zz2/EfbzP95uLq8medfXDy5+3ZcX7NB/PReQAdfxLqVKvz"
    "oGzRz8vl+hF80jpX/Q+arhMyaAIWkHfSJkXQUigEcxRW0BmSb6+sVIxCNtV0ADPZvKrWl5"
    "/ybvdj97D7ae+g+wmKqM+dXzmsaOnzy9tcG0kTzGEPD6YTak7O6sm0c0MDl6ApDDkYSJQn"
    "A22KAVQYUEguDO8AdZ8IAbeKbdakgtVP1JLTeBgu2OLyQg+7wykOPSdzJ21wTjgHWLhmQJ"
    "7Eol9+vSY+VuAVmzYmi26iamK+6GUq4OnVuCtmRsYYcz4ks+cC9XtUzRYDlcxejpq9ngnX"
    "dVzZKfy5xZi5A+xLg/vZeJ0mFdUDy07ttYiVnMnYLiub27K3UlgFE+MKQK8Ccsvgn6dhvY"
    "WKtg/R0e4oh+gIB7iv3lJWJ4VjAH7Dfepe0GBY4izI3N+p8hiMZEnHh6IN/AYLwtIDQGG5"
    "pR6iUiEmaDzp+dRF9yEB6MG+o14zB8MyH/K0J+KvlPemXufv1jGxcsfEeBKChBF3viCyPv"
    "p8fe6JegRvBb+bp3c37fuxC95VeH8EG5LAGWA+MGNjsnINGRnb8N4UmTHCrhn6i1It9k2x"
    "74VsyknYoPfnJe1mJH+Bt0TsQekdLmNDSpK/4u+IeEAMBqX3WT0A0QfQV9AUKxoiLlXUdp"
    "ZZ8ea7A3yWEZ84L78+HvHDqhaaJdN/IRGTEBBhJmt3RqjR+m2Z0ZTXjrqfaulH3U8VGpK8"
    "mcWajk1AjkpvoXbU3a8Bbne/FFp5S7s8mKC7ILKFEB/U0e8PyvX7gzZ8Y3MuV/JtTGHxM4"
    "U6K9ZCXQdq1wcb37xTL0pZ7fiyCmcH5gIeca51Z+m83DbqGstgYgwcgUbEuiFnvOAT1DDG"
    "WY9hOV+cOCjNyeJEsmGceT3xOgSvjFh3Ilq2pXjXQvHGn09188sJ7Zeahlm5rbEPf9zd3d"
    "s73P2wd/Bpv3t4uP/pw9xQLN6qshhPzn+WRmNm9ilaka12uLalVEaOOXJ2MkI6I9UCXQvo"
    "kZFBGRffQmNyJbstsGuGrrut6HbrgNstx7ZbgLalmVqa6aXSTCpMf9LAJs8LtmtcnTUuZK"
    "KJ3pYVsxvqztcoaJcgnz4SlOr7yrVFOZ8QTxekX0+oZQaX3VznHtjiJPA+I6Ii4lVfk8iP"
    "2KO0yMUOCuQdNIYRj+5xj8N3CuKkH3lfbM5lVbpmDbT4GmZKv17e7g5gy9QIvcV8YlwUao"
    "nheig3oIWzUi0p/HR43gIhWYNtXCi9TMrR3q5cQToWqPUsqJrpgYWE9oNfSRSRdA7vgANX"
    "R7wU0668TEQLseZwOcTTOd+92J/g8+GjSTQhnB7fnB7/dNb5vhl3xcLOHI27Irtvp9xdkW"
    "wTMndXJJLl/gYki0eh6GwScrVXMIpH/6y008w20h+kZoru3ZB48hr2Zah6tcdjbW/QOk1s"
    "dJpkGqoIKkxhOso+K7KsoNaXBK0uJjEaFM4wwqx+gGpWzu4Q4c7p1c2ZA90Cvbn+cop+/L"
    "C/O995fqjZ6v508c3HkqqcEC6bBBpNv8pxmJXb7Ab1F+07lGv5ZOwQn/ZpT5tqgjGf4KCE"
    "YC1K58cQiNvTGJJZkiugzPYQskfqwc8RniE+C9xByALKiQy7fnNy9nZHLbbTuDwLCPJgIc"
    "Yi4qUkUQErJpS80SaZWNFTDAbs1dVFZsCenOf6wuXdbydn128+vs2aifouAnb1ROPYeLJz"
    "zOWs7hZLWamWBzg8MOBjFgqjhGhZqS30d6zGE4r7k9oqbVr41RvmLysz4vp8cnW2Hh6U7z"
    "w8KGw8bIN71pvhbIPuT8tY0RWjzSd83IjmzwtajfZi7iKZ2YBN4aVAyePwQ7q+jqQmKEkc"
    "pKwZjh5YmCQZq0yE1Kiy9bZwS3u3tHdLe+do7yS1jYbzXsh6U054yxw75mS3lCqlmXfkj5"
    "DAfMEJ9omnpg2YRmgYzTDVLPbzq35G+ngrppiXRJ7W4KWjlnKihjOjUwuiVm/4XybGy893"
    "ETzQcNRA8c8JWq0d2aKLRvmJBdFRXBUsdEbMuiypcpIOyJRwoeZmJF80SjQhw+iw65IxvJ"
    "fSGSUJiX0f9QjMz4qcxPCfVLOFfvJfUr1WUOCvwxCxZahJxODxjZaXoqzV60vnONZ+otHh"
    "DrDMODlPIQ0WGvURVlmHZT6YON8LH4BmFPkFpBMg3ha5kCFG6VBUMzBX/7jNr4tJF1BfYz"
    "RaC5LtcDUarqpf1FS0NVLPULhfDuImJr2J+fmU+Z9kVl298W+DrbNk0/9Z5nw+YbLGrNfk"
    "VC4377PZnM0N/ax8w634JpVojPdMMBkMBape9O+6Nn0bYba0zKsJ9gU8S02aRRGbw2pUfw"
    "VDF4wQPhv1mJ/m1/NIxIMT3+doOqDuAMn8g0gwuDkagwWygziLNBwZccF9No1KUI5IwCb9"
    "gX54rPZxK041x7FvSubEEnZHxdlM4pgnzGwTxT6bOGv95Wv07xnj3HrJWx9q60O1BNGX6k"
    "PNnLqisbjyp7KUm1vpQTDmplYqmz22AlQ+kaiH9wkT0vRwjGU+pNbhGOlm5XYPUHs2xhZs"
    "vo048QbJ63OCdqvkmRzzsRuABoXpoTo3/RNyFij3yWxo1pIZMatdRjZbVjGZX18bzQpY7w"
    "DofB0wNJpwgR5oQCU/I6JqZMBlKI8KnfWYN5NbeXRbfoxklx6DT7kjf2qapnKPzqKY1Vt0"
    "0j1VAcKeB0Dw6HQM+fZHUdArC/xZGhf7g1SS1AbrOBo2cnJKbyZGEnyYD2ShQO26YkSjiK"
    "3pmRvZZLR9CRajs53nPm2E/ZBgbxY1AVw5StpBqcTwSFcwTWxj41rWv3mpPT5Ep0Cu5viQ"
    "V5D96zVzXpb16ZdPedkJ6EtlvG6gleDzfi3Nl5MtsFOZ4T8q6jRLm7Mo3TTTf+0qnrEzYK"
    "ibQMpXxaF2Bmmo36yCpOrIJB6HB3ufQO+cjHpjAHZOAMaH5AKeReDri61lY2s5FYb9Pgup"
    "GIyM1NJFIZuV04bazMd6WmOF0likw9QWDegIjwCKKSOWl7WbFLOZTWn91OvbaQzrDXceQq"
    "aZWqrC+zNiVnurO1/gLaN9wUxuDUbq3eOjROMtd3Kej6KQpPtITv18QDyEB2DeFpeNZVS4"
    "3lZ+JCGFunmD0PCiqN2tfadC+eNt4Ch5+88J4Uh9Mm8yBG01xVRoVLLGtay+XZ8VLL08rf"
    "t4TMs17vRmpbaNx7Shpp1INtSy64k/Q8NuvcDL8gK3CXRWy5Nyl411R1aXI5xKbCHGu7Uw"
    "3q3AeFeD8atws7cWxYuH/6UfBWInsboqpEPyyIYNzsjJiLVI261nXxAhIr+CRs9Ob1bq2W"
    "SEqe9AQ02Iuaq9INxQ265dQ50gTC6wmKjPC8g3AZ1YkNFYtDGZ69HGh/AhZq6DYIm+A8s0"
    "xWVHY4bEpWNKdPm+q0IWFoS2Eeb9Ot4VKFUO9H4hcShMQBymW60jvRzqrNQWYr1Xq0/vVX"
    "TqvWKvlrF9ZlZPImF1NGrnJk7aBgsp/4ymdEy8iDBU6cnVwizJX06kUzFEgjHEfA2b/Ix6"
    "Nm9XpatxbfZgLmHzAEqydMgcfekPsQOVU2itHRSZK5rmNBFcs3sz1pU0zVW65X1RZGuOoF"
    "/avvG8BlrAtcIK08i2/EKtfHQEc9LAkZWTs9ru7XxVLqb7eA65P4ozVM2zG8sb8ckZAg+J"
    "LlLXvIL1tmNLyb0KSm5dC/ZZ4CWxWz59UFncpoPksJhIi3JxGFLdXgZD2fU2XrRpxnyg5O"
    "Ssnu9sGSgqaSkJQ2a0/yMrtY3bBpbNdMzP4zGBOSPUovw0yj4NhvX3CiyUtn6vgKKXZfTN"
    "OxqgkMCjuEA4mat7xGdBn4OprOel6wpuPrfhEsN1Jh4VZ4EIZx1dvE56d6cyYEeWc3zWr+"
    "dGkBs/5ZltcjHdUbon2MFx8FxIPkecBxow30PUi05wdX3GJQHCQrggNxDqt5MupdZVH/1a"
    "lR5bO9A0JnU8nqx1MawzLXVFfLyZavQSFFpbVCLyaOiQmAvYzO81XKO7ddbobvka3S2s0e"
    "1+viVs8N/27AtrhJJqjnkoH+tUd7rDVgz0/ToDfb98oO8X3GAhm2r3mZajuyCyhRAf1JlL"
    "D8rn0gON/1zp84Ze3azUNgK99HM3R6AvM0PXeSKxhQCvIhIEc11q6qpenEi0ANcAWNmIRX"
    "xvybcyNjUR2Ap4K+C8PftDmV/zSIEERn2gQFJ8AfZTqWlYQ3zckPCRhDcCKwunmBtg4fZO"
    "ZWYAVdDh85JmmQEWpO81meaeKPuMnUib3T+zWW5iJbZbxValyain0/CqeKBUZmvCK9Z9RJ"
    "mKn9Kh/tRmfQ3qdsWY2bajxpIp/Tx4pKIsv3F6s3I6p6pYg52nsWB5IDs6RmC3ITYmwfyA"
    "MXUKxggPCc/kyyO+y0aa4I01PK/d22pBNL3aGGHErSYCW7c6ryTMOxo7ntPTBCBXkFoZKZ"
    "v1feUKiyeII3Q/JLOjexkjfC95YvipjhgNENWEqRpJrpkqayPD2siw7YDaEoXpmITUHei0"
    "pfhOpaqE0zJPaUrlWC9Z33gtfvVnhqqXqx6PJNSfWVq+Li6I2LwoNlZA6qxjUKpCASmsZH"
    "JQGSAcF99CdFeSugSeKLTBCf+5ubos0RFSkRzKHnUF+h/yKd+ytUuCUU3o5rnbnawhIyvY"
    "OKH7/f+5xYdy"
)
